package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"

	"golang.ngrok.com/ngrok/v2"
)

// unknownToken is made like one of the server's, but nobody's.
const unknownToken = "2fWHmaP1sGrGoClCTr3KEvTxDPP_4Q8J9z0aB1cD2eF3gH4iJ5kL6mN7oP8q"

var loginTests = []test{
	{"login with the authority in a pool", func(b *bench) {
		session, err := b.agent(b.server).Session()
		b.no(err, "session")
		b.check(strings.HasPrefix(session.ID(), "ts_"), "session id %q", session.ID())
		b.check(len(session.Warnings()) == 0, "warnings: %v", session.Warnings())
	}},
	{"login by name with server name", func(b *bench) {
		// Names below .localhost do not resolve everywhere: the dialler knows the address.
		b.agent(b.server, ngrok.WithAgentConnectURL(b.server.info.Connect), ngrok.WithDialer(dialTo{b.server.info.HTTPS}))
	}},
	{"a foreign authority fails and the error names the certificate", func(b *bench) {
		_, foreign := b.certificate("somebody.else")
		err := b.refusedLogin(ngrok.WithAgentConnectCAs(foreign))
		var unknown x509.UnknownAuthorityError
		b.check(errors.As(err, &unknown) && strings.Contains(err.Error(), "tls: "), "the error: %v", err)
	}},
	{"the embedded authority fails and the error names the certificate", func(b *bench) {
		err := b.refusedLogin(ngrok.WithAgentConnectCAs(nil))
		b.check(strings.Contains(err.Error(), "tls: failed to verify certificate"), "the error: %v", err)
	}},
	{"a malformed authtoken is 105", refusedToken("not a token", "ERR_NGROK_105")},
	{"an unknown authtoken is 107", refusedToken(unknownToken, "ERR_NGROK_107")},
	{"an empty authtoken is 4018", refusedToken("", "ERR_NGROK_4018")},
	{"metadata client info and heartbeat are accepted", func(b *bench) {
		agent := b.agent(b.server,
			ngrok.WithAgentMetadata(`{"team": "compat"}`),
			ngrok.WithAgentDescription("of the agent"),
			ngrok.WithClientInfo("compat-suite", "9.9", "a comment", "another"),
			ngrok.WithHeartbeatInterval(2*time.Second),
			ngrok.WithHeartbeatTolerance(3*time.Second))
		endpoint := b.web(agent, b.service("").address,
			ngrok.WithMetadata("of the endpoint"), ngrok.WithDescription("described"), ngrok.WithName("named"))
		b.check(endpoint.Metadata() == "of the endpoint" && endpoint.Name() == "named", "metadata, name")
		b.check(b.fetch(b.server, endpoint.URL().String()).status == 200, "not served")
	}},
	{"too long metadata is 100", func(b *bench) {
		b.refusedWith("ERR_NGROK_100", b.refusedLogin(ngrok.WithAgentMetadata(strings.Repeat("m", 4097))))
	}},
	{"too short heartbeats are 111 and 112", func(b *bench) {
		b.refusedWith("ERR_NGROK_111", b.refusedLogin(ngrok.WithHeartbeatInterval(999*time.Millisecond)))
		b.refusedWith("ERR_NGROK_112", b.refusedLogin(ngrok.WithHeartbeatTolerance(999*time.Millisecond)))
	}},
	{"heartbeats are echoed", func(b *bench) {
		beats := make(chan time.Duration, 8)
		b.agent(b.server, ngrok.WithHeartbeatInterval(time.Second), ngrok.WithEventHandler(func(event ngrok.Event) {
			if beat, ok := event.(*ngrok.EventAgentHeartbeatReceived); ok {
				select {
				case beats <- beat.Latency:
				default:
				}
			}
		}))
		for range 2 {
			select {
			case latency := <-beats:
				b.check(latency < time.Second, "latency %v", latency)
			case <-time.After(10 * time.Second):
				b.fail("no heartbeat came back")
			}
		}
	}},
	{"diagnose answers before a login", func(b *bench) {
		agent, err := ngrok.NewAgent(b.server.options()...)
		b.no(err, "an agent")
		ctx, cancel := soon()
		defer cancel()
		result, err := agent.(ngrok.Diagnoser).Diagnose(ctx, "")
		b.no(err, "diagnose")
		b.check(result.Region != "" && len(result.PeerCertificates) > 0, "result %+v", result)
	}},
	{"through a socks5 proxy", func(b *bench) {
		proxy, used := b.socks5()
		endpoint := b.web(b.agent(b.server, ngrok.WithProxyURL("socks5://"+proxy)), b.service("").address)
		b.check(b.fetch(b.server, endpoint.URL().String()).status == 200, "not served")
		b.check(used.Load() == 1, "%d connections through the proxy", used.Load())
	}},
	{"two legs are not offered where there is one address", func(b *bench) {
		through := b.cut(b.server.info.HTTPS)
		agent := b.agent(b.server, ngrok.WithMultiLeg(true), ngrok.WithAgentConnectURL(through.address()))
		endpoint := b.web(agent, b.service("").address)
		b.check(b.fetch(b.server, endpoint.URL().String()).status == 200, "not served")
		b.check(through.accepted.Load() == 1, "%d connections", through.accepted.Load())
	}},
}

func refusedToken(token, code string) func(*bench) {
	return func(b *bench) {
		err := b.refusedLogin(ngrok.WithAuthtoken(token))
		b.refusedWith(code, err)
		b.check(token == "" || !strings.Contains(err.Error(), token), "the token is shown: %v", err)
	}
}

// dialTo dials one address whatever it is asked for.
type dialTo struct{ address string }

func (d dialTo) Dial(network, _ string) (net.Conn, error) { return net.Dial(network, d.address) }

func (d dialTo) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, d.address)
}
