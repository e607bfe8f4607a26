package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.ngrok.com/ngrok/v2"
)

// soon bounds one call of the SDK.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 20*time.Second)
}

// options that lead to the server; later ones replace them.
func (s *server) options(more ...ngrok.AgentOption) []ngrok.AgentOption {
	return append([]ngrok.AgentOption{
		ngrok.WithAuthtoken(s.info.Authtoken),
		ngrok.WithAgentConnectURL(s.info.HTTPS),
		ngrok.WithAgentConnectCAs(s.roots),
	}, more...)
}

// agent is connected, and disconnected at the test's end.
func (b *bench) agent(s *server, more ...ngrok.AgentOption) ngrok.Agent {
	agent, err := ngrok.NewAgent(s.options(more...)...)
	b.no(err, "an agent")
	// The context is that of the session, not of the call.
	ctx, cancel := context.WithCancel(context.Background())
	late := time.AfterFunc(20*time.Second, cancel)
	b.no(agent.Connect(ctx), "connect")
	late.Stop()
	b.cleanup(func() { agent.Disconnect(); cancel() })
	return agent
}

func (b *bench) forward(agent ngrok.Agent, upstream *ngrok.Upstream, more ...ngrok.EndpointOption) ngrok.EndpointForwarder {
	// Its context is that of the forwarding, not of the call.
	endpoint, err := agent.Forward(context.Background(), upstream, more...)
	b.no(err, "forward")
	return endpoint
}

// web puts a service online, at an https:// URL unless the options say otherwise.
func (b *bench) web(agent ngrok.Agent, address string, more ...ngrok.EndpointOption) ngrok.EndpointForwarder {
	return b.forward(agent, ngrok.WithUpstream("http://"+address), more...)
}

func (b *bench) listen(agent ngrok.Agent, more ...ngrok.EndpointOption) ngrok.EndpointListener {
	ctx, cancel := soon()
	defer cancel()
	listener, err := agent.Listen(ctx, more...)
	b.no(err, "listen")
	return listener
}

// refusedWith checks the code that the SDK found in an error.
func (b *bench) refusedWith(code string, err error) {
	var refused ngrok.Error
	b.check(errors.As(err, &refused) && refused.Code() == code, "%s was due, not: %v", code, err)
}

// refusedLogin is the error of a login. This SDK goes on trying for ever: the first refusal ends its context.
func (b *bench) refusedLogin(more ...ngrok.AgentOption) error {
	ctx, cancel := soon()
	defer cancel()
	more = append(more, ngrok.WithEventHandler(func(event ngrok.Event) {
		if lost, ok := event.(*ngrok.EventAgentDisconnected); ok && lost.Error != nil {
			cancel()
		}
	}))
	agent, err := ngrok.NewAgent(b.server.options(more...)...)
	b.no(err, "an agent")
	err = agent.Connect(ctx)
	b.check(err != nil, "a login where a refusal was due")
	return err
}

// process is the SDK in a process of its own.
type process struct {
	command *exec.Cmd
	URLs    struct{ HTTP, TCP string }
}

func (p *process) kill() {
	p.command.Process.Kill()
	p.command.Wait()
}

func (b *bench) process(upstream string, more ...string) *process {
	info := b.server.info
	args := append([]string{"agent", "-server", info.HTTPS, "-ca", info.CAFile, "-token", info.Authtoken, "-upstream", upstream}, more...)
	self, err := os.Executable()
	b.no(err, "this program")
	p := &process{command: exec.Command(self, args...)}
	p.command.Stderr = os.Stderr
	input, err := p.command.StdinPipe()
	b.no(err, "a pipe")
	output, err := p.command.StdoutPipe()
	b.no(err, "a pipe")
	b.no(p.command.Start(), "a process")
	b.cleanup(func() { input.Close(); p.kill() })
	line, err := bufio.NewReader(output).ReadBytes('\n')
	b.no(err, "the process's URLs")
	b.no(json.Unmarshal(line, &p.URLs), "the process's URLs")
	return p
}

// agentProcess puts an endpoint for HTTP online (and one for TCP), prints their URLs in a line of JSON, and serves
// until it is killed or its input ends.
func agentProcess(args []string) {
	flags := flag.NewFlagSet("agent", flag.ExitOnError)
	address := flags.String("server", "", "host:port")
	ca := flags.String("ca", "", "file of the authority")
	token := flags.String("token", "", "authtoken")
	upstream := flags.String("upstream", "", "host:port")
	domain := flags.String("domain", "", "of the endpoint")
	pool := flags.Bool("pool", false, "with others")
	tcp := flags.String("tcp-upstream", "", "host:port")
	flags.Parse(args)
	s := &server{info: devInfo{HTTPS: *address, Authtoken: *token, CAFile: *ca}}
	if err := serveProcess(s, *upstream, *domain, *pool, *tcp); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveProcess(s *server, upstream, domain string, pool bool, tcp string) error {
	if err := s.readRoots(); err != nil {
		return err
	}
	agent, err := ngrok.NewAgent(s.options()...)
	if err != nil {
		return err
	}
	ctx := context.Background()
	web, err := agent.Forward(ctx, ngrok.WithUpstream("http://"+upstream), ngrok.WithURL("https://"+domain), ngrok.WithPoolingEnabled(pool))
	if err != nil {
		return err
	}
	urls := map[string]string{"http": web.URL().String()}
	if tcp != "" {
		raw, err := agent.Forward(ctx, ngrok.WithUpstream("tcp://"+tcp), ngrok.WithURL("tcp://"))
		if err != nil {
			return err
		}
		urls["tcp"] = raw.URL().String()
	}
	if err := json.NewEncoder(os.Stdout).Encode(urls); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
