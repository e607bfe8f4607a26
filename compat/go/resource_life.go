package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"reflect"
	"time"

	ngrokapi "github.com/ngrok/ngrok-api-go/v7"
)

// kind is one kind of resource: how ngrok's client handles it, and what is to be seen of it.
type kind[O, C, U any] struct {
	client interface {
		Create(context.Context, *C) (*O, error)
		Get(context.Context, string) (*O, error)
		Update(context.Context, *U) (*O, error)
		Delete(context.Context, string) error
		List(*ngrokapi.Paging) ngrokapi.Iter[*O]
	}
	create  func(n int) *C
	made    func(*O) bool
	update  func(id string) *U
	changed func(*O) bool
	one     bool // an organisation has one of each
}

// life creates, reads, updates, lists over several pages, and deletes.
func life[O, C, U any](b *bench, k kind[O, C, U]) {
	ctx := context.Background()
	first, err := k.client.Create(ctx, k.create(0))
	b.no(err, "create")
	id := idOf(b, first)
	left := map[string]bool{id: true}
	b.cleanup(func() {
		for id := range left {
			k.client.Delete(ctx, id)
		}
	})
	b.check(k.made(first), "created: %+v", *first)
	got, err := k.client.Get(ctx, id)
	b.no(err, "get")
	b.check(reflect.DeepEqual(fields(b, got), fields(b, first)), "created %+v, got %+v", *first, *got)
	changed, err := k.client.Update(ctx, k.update(id))
	b.no(err, "update")
	b.check(k.changed(changed), "updated: %+v", *changed)
	got, err = k.client.Get(ctx, id)
	b.no(err, "get after the update")
	b.check(reflect.DeepEqual(fields(b, got), fields(b, changed)), "updated %+v, got %+v", *changed, *got)
	for n := 1; n < 5 && !k.one; n++ {
		next, err := k.client.Create(ctx, k.create(n))
		b.no(err, "create one more")
		left[idOf(b, next)] = true
	}
	pages := k.client.List(&ngrokapi.Paging{Limit: ngrokapi.String("2")})
	seen, last := map[string]bool{}, ""
	for pages.Next(ctx) {
		id := idOf(b, pages.Item())
		b.check(!seen[id] && (last == "" || id < last), "%s after %s", id, last)
		seen[id], last = true, id
	}
	b.no(pages.Err(), "list")
	for id := range left {
		b.check(seen[id], "%s is not listed", id)
		b.no(k.client.Delete(ctx, id), "delete")
		_, err := k.client.Get(ctx, id)
		b.check(ngrokapi.IsNotFound(err), "after the delete: %v", err)
		b.check(ngrokapi.IsNotFound(k.client.Delete(ctx, id)), "the second delete")
		delete(left, id)
	}
}

// fields is an object without what is shown once.
func fields(b *bench, object any) map[string]any {
	text, err := json.Marshal(object)
	b.no(err, "JSON")
	var all map[string]any
	b.no(json.Unmarshal(text, &all), "JSON")
	delete(all, "token")
	return all
}

func idOf(b *bench, object any) string {
	id, _ := fields(b, object)["id"].(string)
	b.check(id != "", "no id: %+v", object)
	return id
}

// selfSigned is a certificate with its key, as PEM.
func (b *bench) selfSigned(authority bool) (string, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	b.no(err, "a key")
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "life.example.com"},
		DNSNames:              []string{"life.example.com"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(90 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  authority,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	b.no(err, "a certificate")
	private, err := x509.MarshalPKCS8PrivateKey(key)
	b.no(err, "the key")
	encode := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", private)
}
