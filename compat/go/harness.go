package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// A test is small and has a name that says what must hold.
type test struct {
	name string
	run  func(*bench)
}

// bench has one test's things, undone in the opposite order, and the server that all tests share.
type bench struct {
	server *server
	undo   []func()
	failed chan string
}

// fail ends the test, from whichever goroutine of it.
func (b *bench) fail(format string, args ...any) {
	select {
	case b.failed <- fmt.Sprintf(format, args...):
	default: // the first reason counts
	}
	runtime.Goexit()
}

func (b *bench) no(err error, what string) {
	if err != nil {
		b.fail("%s: %v", what, err)
	}
}

func (b *bench) check(holds bool, format string, args ...any) {
	if !holds {
		b.fail(format, args...)
	}
}

func (b *bench) cleanup(undo func()) { b.undo = append(b.undo, undo) }

// eventually polls until check says nil.
func (b *bench) eventually(within time.Duration, what string, check func() error) {
	if err := poll(within, check); err != nil {
		b.fail("not within %v: %s (%v)", within, what, err)
	}
}

func poll(within time.Duration, check func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

const testTime = 90 * time.Second

// runTests runs those whose names contain one of chosen (all, if there is none).
func runTests(all []test, shared *server, chosen []string) bool {
	passed, failed := 0, 0
	for _, t := range all {
		name := strings.ReplaceAll(t.name, " ", "_")
		if !wanted(name, chosen) {
			continue
		}
		began := time.Now()
		if reason := runTest(t, shared); reason != "" {
			failed++
			fmt.Printf("FAILED %s: %.1500s\n", name, strings.Join(strings.Fields(reason), " "))
			continue
		}
		passed++
		fmt.Printf("ok %s (%.1f s)\n", name, time.Since(began).Seconds())
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	return failed == 0
}

func wanted(name string, chosen []string) bool {
	for _, part := range chosen {
		if strings.Contains(name, part) {
			return true
		}
	}
	return len(chosen) == 0
}

func runTest(t test, shared *server) string {
	b := &bench{server: shared, failed: make(chan string, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if reason := recover(); reason != nil {
				b.failed <- fmt.Sprintf("panic: %v", reason)
			}
		}()
		t.run(b)
	}()
	reason := ""
	select {
	case <-done:
		select {
		case reason = <-b.failed:
		default:
		}
	case reason = <-b.failed:
	case <-time.After(testTime):
		reason = "the test took too long"
		if os.Getenv("ADIT_COMPAT_TRACE") != "" {
			stacks := make([]byte, 1<<20)
			fmt.Printf("%s\n", stacks[:runtime.Stack(stacks, true)])
		}
	}
	for i := len(b.undo) - 1; i >= 0; i-- {
		b.undo[i]()
	}
	return reason
}
