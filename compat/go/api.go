package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.ngrok.com/ngrok/v2"
	"golang.ngrok.com/ngrok/v2/rpc"
)

// api asks the shared server's API.
func (b *bench) api(method, path string) (int, map[string]any) {
	return b.apiOf(b.server, method, path)
}

// apiOf asks a server's API, and decodes what it answers into a map; 204 is an empty one.
func (b *bench) apiOf(s *server, method, path string) (int, map[string]any) {
	request, err := http.NewRequest(method, s.info.API+path, strings.NewReader("{}"))
	if method == "GET" {
		request, err = http.NewRequest(method, s.info.API+path, nil)
	}
	b.no(err, "a request")
	request.Header.Set("Authorization", "Bearer "+s.info.APIKey)
	request.Header.Set("Ngrok-Version", "2")
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client().Do(request)
	b.no(err, path)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	b.no(err, path)
	var got map[string]any
	if len(body) > 0 {
		b.no(json.Unmarshal(body, &got), path)
	}
	return response.StatusCode, got
}

func (b *bench) session(agent ngrok.Agent) string {
	session, err := agent.Session()
	b.no(err, "session")
	return session.ID()
}

func (b *bench) command(agent ngrok.Agent, command string) (int, map[string]any) {
	return b.api("POST", "/tunnel_sessions/"+b.session(agent)+"/"+command)
}

var apiTests = []test{
	{"metadata and client info are visible in the api", func(b *bench) {
		agent := b.agent(b.server, ngrok.WithAgentMetadata(`{"team": "compat"}`), ngrok.WithClientInfo("compat-suite", "9.9", "a comment", "another"))
		endpoint := b.web(agent, b.service("").address, ngrok.WithMetadata("of the endpoint"), ngrok.WithName("named"))
		id := b.session(agent)
		status, session := b.api("GET", "/tunnel_sessions/"+id)
		b.check(status == 200 && session["metadata"] == `{"team": "compat"}` && session["agent_version"] == "9.9", "%d %v", status, session)
		status, more := b.api("GET", "/adit/tunnel_sessions/"+id)
		products := fmt.Sprint(more["user_agent"])
		b.check(status == 200 && strings.Contains(products, "compat-suite/9.9") && strings.Contains(products, "a comment"), "%d %v", status, more)
		status, list := b.api("GET", "/endpoints?url="+endpoint.URL().String())
		b.check(status == 200, "%d %v", status, list)
		only := list["endpoints"].([]any)[0].(map[string]any)
		b.check(only["metadata"] == "of the endpoint" && only["name"] == "named", "%v", only)
		b.check(only["tunnel_session"].(map[string]any)["id"] == id, "%v", only)
	}},
	{"stop restart and update reach the handler", func(b *bench) {
		for command, method := range map[string]string{
			"stop": rpc.StopAgentMethod, "restart": rpc.RestartAgentMethod, "update": rpc.UpdateAgentMethod,
		} {
			asked := make(chan string, 1)
			agent := b.agent(b.server, ngrok.WithRPCHandler(func(_ context.Context, _ ngrok.AgentSession, request rpc.Request) ([]byte, error) {
				asked <- request.Method()
				return nil, nil
			}))
			endpoint := b.web(agent, b.service("").address)
			status, got := b.command(agent, command)
			b.check(status == 204 && len(got) == 0, "%s: %d %v", command, status, got)
			b.check(<-asked == method, "%s: another method", command)
			if command == "update" {
				b.check(b.fetch(b.server, endpoint.URL().String()).status == 200, "not served after the update")
				continue
			}
			// This SDK closes its session after a stop or restart that succeeded.
			b.eventually(5*time.Second, "offline after "+command, b.server.offline(endpoint.URL()))
		}
	}},
	{"the error of a handler is the answer of the api", func(b *bench) {
		agent := b.agent(b.server, ngrok.WithRPCHandler(func(_ context.Context, _ ngrok.AgentSession, request rpc.Request) ([]byte, error) {
			return nil, fmt.Errorf("not now: %s", request.Method())
		}))
		for command, code := range map[string]string{"stop": "ERR_NGROK_807", "restart": "ERR_NGROK_808", "update": "ERR_NGROK_809"} {
			status, got := b.command(agent, command)
			b.check(status == 400 && got["error_code"] == code && strings.Contains(fmt.Sprint(got["msg"]), "not now: "), "%s: %d %v", command, status, got)
		}
	}},
	{"without a handler commands are unsupported", func(b *bench) {
		agent := b.agent(b.server)
		for command, code := range map[string]string{"stop": "ERR_NGROK_805", "restart": "ERR_NGROK_804", "update": "ERR_NGROK_806"} {
			status, got := b.command(agent, command)
			// The text is what this SDK declared at its login.
			declared := "the agent has not defined a callback for this operation"
			b.check(status == 400 && got["error_code"] == code && strings.Contains(fmt.Sprint(got["msg"]), declared), "%s: %d %v", command, status, got)
		}
	}},
	{"a stopped endpoint says why to accept", func(b *bench) {
		agent := b.agent(b.server)
		listener := b.listen(agent)
		other := b.web(agent, b.service("").address)
		ended := make(chan error, 1)
		go func() {
			_, err := listener.Accept()
			ended <- err
		}()
		status, list := b.api("GET", "/endpoints?url="+listener.URL().String())
		b.check(status == 200, "%d %v", status, list)
		id := list["endpoints"].([]any)[0].(map[string]any)["id"].(string)
		status, got := b.api("POST", "/adit/endpoints/"+id+"/disable")
		b.check(status == 204, "%d %v", status, got)
		err := <-ended
		b.refusedWith("ERR_ADIT_1210", err)
		b.check(err.Error() != "", "no message: %v", err)
		b.eventually(5*time.Second, "offline", b.server.offline(listener.URL()))
		b.check(b.fetch(b.server, other.URL().String()).status == 200, "the other endpoint is gone too")
	}},
	{"a session that is gone is 404", func(b *bench) {
		agent := b.agent(b.server)
		id := b.session(agent)
		b.no(agent.Disconnect(), "disconnect")
		b.eventually(5*time.Second, "gone", func() error {
			if status, got := b.api("POST", "/tunnel_sessions/"+id+"/stop"); status != 404 || got["error_code"] != "ERR_ADIT_2001" {
				return errors.New(fmt.Sprint(status, got))
			}
			return nil
		})
	}},
}
