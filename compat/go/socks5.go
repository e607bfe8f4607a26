package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
)

// socks5 is a proxy without a login (RFC 1928, CONNECT only) that counts its connections.
func (b *bench) socks5() (string, *atomic.Int32) {
	used := new(atomic.Int32)
	address := b.tcpService(func(near net.Conn) {
		target, err := socks5Target(near)
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer far.Close()
		used.Add(1)
		near.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go io.Copy(far, near)
		io.Copy(near, far)
	})
	return address, used
}

func socks5Target(conn net.Conn) (string, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(conn, head); err != nil {
		return "", err
	}
	if _, err := io.CopyN(io.Discard, conn, int64(head[1])); err != nil {
		return "", err
	}
	conn.Write([]byte{5, 0})
	request := make([]byte, 4)
	if _, err := io.ReadFull(conn, request); err != nil {
		return "", err
	}
	length := byte(net.IPv4len)
	switch request[3] {
	case 3:
		one := make([]byte, 1)
		if _, err := io.ReadFull(conn, one); err != nil {
			return "", err
		}
		length = one[0]
	case 4:
		length = net.IPv6len
	}
	rest := make([]byte, int(length)+2)
	if _, err := io.ReadFull(conn, rest); err != nil {
		return "", err
	}
	host := string(rest[:length])
	if request[3] != 3 {
		host = net.IP(rest[:length]).String()
	}
	return net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16(rest[length:]))), nil
}
