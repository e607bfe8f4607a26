// The suite of Adit for golang.ngrok.com/ngrok/v2, as it is: `compat-go [PART_OF_A_NAME…]`, with ADIT_BIN.
// `compat-go agent …` is the SDK in a process of its own, for tests that need several.
package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
)

func main() {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		agentProcess(os.Args[2:])
		return
	}
	fmt.Printf("-- golang.ngrok.com/ngrok/v2 %s, %s\n", versionOf("golang.ngrok.com/ngrok/v2"), runtime.Version())
	shared, err := startServer()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	all := slices.Concat(loginTests, endpointTests, trafficTests, lifeTests, apiTests, legTests, resourceTests)
	well := runTests(all, shared, os.Args[1:])
	shared.close()
	if !well {
		os.Exit(1)
	}
}

func versionOf(module string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				return dep.Version
			}
		}
	}
	return "?"
}
