package main

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// cut passes bytes on between agent and server. now() resets every connection, as a network that fails; new ones are
// accepted.
type cut struct {
	listener net.Listener
	target   string
	accepted atomic.Int32
	mu       sync.Mutex
	conns    []*net.TCPConn
	cuts     int
}

func (b *bench) cut(target string) *cut {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	b.no(err, "a proxy")
	c := &cut{listener: listener, target: target}
	go c.accept()
	b.cleanup(func() { listener.Close(); c.now() })
	return c
}

func (c *cut) address() string { return c.listener.Addr().String() }

func (c *cut) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.target)
		if err != nil {
			near.Close()
			continue
		}
		c.mu.Lock()
		c.conns = append(c.conns, near.(*net.TCPConn), far.(*net.TCPConn))
		cuts := c.cuts
		c.mu.Unlock()
		c.accepted.Add(1)
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			go func() {
				io.Copy(way[1], way[0])
				c.mu.Lock()
				defer c.mu.Unlock()
				if cuts == c.cuts {
					way[1].(*net.TCPConn).CloseWrite()
				}
			}()
		}
	}
}

func (c *cut) now() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts++
	for _, conn := range c.conns {
		conn.SetLinger(0)
		conn.Close()
	}
	c.conns = nil
}
