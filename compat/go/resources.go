package main

import (
	"context"
	"fmt"

	ngrokapi5 "github.com/ngrok/ngrok-api-go/v5"
	policies5 "github.com/ngrok/ngrok-api-go/v5/ip_policies"
	ngrokapi "github.com/ngrok/ngrok-api-go/v7"
	"github.com/ngrok/ngrok-api-go/v7/agent_ingresses"
	"github.com/ngrok/ngrok-api-go/v7/api_keys"
	"github.com/ngrok/ngrok-api-go/v7/bot_users"
	"github.com/ngrok/ngrok-api-go/v7/certificate_authorities"
	"github.com/ngrok/ngrok-api-go/v7/credentials"
	"github.com/ngrok/ngrok-api-go/v7/ip_policies"
	"github.com/ngrok/ngrok-api-go/v7/ip_policy_rules"
	"github.com/ngrok/ngrok-api-go/v7/ip_restrictions"
	"github.com/ngrok/ngrok-api-go/v7/reserved_addrs"
	"github.com/ngrok/ngrok-api-go/v7/reserved_domains"
	"github.com/ngrok/ngrok-api-go/v7/secrets"
	"github.com/ngrok/ngrok-api-go/v7/service_users"
	"github.com/ngrok/ngrok-api-go/v7/tls_certificates"
	"github.com/ngrok/ngrok-api-go/v7/vaults"
)

// resourceTests lead each kind of ngrok's API through its life with ngrok's own client of that API.
var resourceTests = []test{
	{"the api client leads an api key through its life", func(b *bench) {
		life(b, kind[ngrokapi.APIKey, ngrokapi.APIKeyCreate, ngrokapi.APIKeyUpdate]{
			client: api_keys.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.APIKeyCreate {
				return &ngrokapi.APIKeyCreate{Description: fmt.Sprint("key ", n), Metadata: "{}"}
			},
			made: func(o *ngrokapi.APIKey) bool { return o.Token != nil && *o.Token != "" && o.Metadata == "{}" },
			update: func(id string) *ngrokapi.APIKeyUpdate {
				return &ngrokapi.APIKeyUpdate{ID: id, Description: ngrokapi.String("changed")}
			},
			changed: func(o *ngrokapi.APIKey) bool {
				return o.Description == "changed" && o.Metadata == "{}" && o.Token == nil
			},
		})
	}},
	{"the api client leads a credential through its life", func(b *bench) {
		life(b, kind[ngrokapi.Credential, ngrokapi.CredentialCreate, ngrokapi.CredentialUpdate]{
			client: credentials.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.CredentialCreate {
				return &ngrokapi.CredentialCreate{Description: fmt.Sprint("credential ", n), ACL: []string{"bind:*.go.adit.localhost"}}
			},
			made: func(o *ngrokapi.Credential) bool { return o.Token != nil && *o.Token != "" && len(o.ACL) == 1 },
			update: func(id string) *ngrokapi.CredentialUpdate {
				return &ngrokapi.CredentialUpdate{ID: id, ACL: []string{"bind:a.adit.localhost", "bind:b.adit.localhost"}}
			},
			changed: func(o *ngrokapi.Credential) bool {
				return len(o.ACL) == 2 && o.ACL[1] == "bind:b.adit.localhost" && o.Description == "credential 0" && o.Token == nil
			},
		})
	}},
	{"the api client leads a reserved domain through its life", func(b *bench) {
		life(b, kind[ngrokapi.ReservedDomain, ngrokapi.ReservedDomainCreate, ngrokapi.ReservedDomainUpdate]{
			client: reserved_domains.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.ReservedDomainCreate {
				return &ngrokapi.ReservedDomainCreate{Domain: fmt.Sprintf("life-%d.adit.localhost", n), Description: "domain"}
			},
			made: func(o *ngrokapi.ReservedDomain) bool {
				return o.Domain == "life-0.adit.localhost" && o.Certificate == nil
			},
			update: func(id string) *ngrokapi.ReservedDomainUpdate {
				return &ngrokapi.ReservedDomainUpdate{ID: id, Metadata: ngrokapi.String("m")}
			},
			changed: func(o *ngrokapi.ReservedDomain) bool { return o.Metadata == "m" && o.Description == "domain" },
		})
	}},
	{"the api client leads a reserved address through its life", func(b *bench) {
		life(b, kind[ngrokapi.ReservedAddr, ngrokapi.ReservedAddrCreate, ngrokapi.ReservedAddrUpdate]{
			client: reserved_addrs.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.ReservedAddrCreate {
				return &ngrokapi.ReservedAddrCreate{Description: fmt.Sprint("address ", n)}
			},
			made: func(o *ngrokapi.ReservedAddr) bool { return o.Addr != "" },
			update: func(id string) *ngrokapi.ReservedAddrUpdate {
				return &ngrokapi.ReservedAddrUpdate{ID: id, Description: ngrokapi.String("changed")}
			},
			changed: func(o *ngrokapi.ReservedAddr) bool { return o.Description == "changed" },
		})
	}},
	{"the api client leads an ip policy through its life", func(b *bench) {
		life(b, kind[ngrokapi.IPPolicy, ngrokapi.IPPolicyCreate, ngrokapi.IPPolicyUpdate]{
			client: ip_policies.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.IPPolicyCreate {
				return &ngrokapi.IPPolicyCreate{Description: fmt.Sprint("policy ", n)}
			},
			made: func(o *ngrokapi.IPPolicy) bool { return o.Description == "policy 0" },
			update: func(id string) *ngrokapi.IPPolicyUpdate {
				return &ngrokapi.IPPolicyUpdate{ID: id, Description: ngrokapi.String(""), Metadata: ngrokapi.String("m")}
			},
			changed: func(o *ngrokapi.IPPolicy) bool { return o.Description == "" && o.Metadata == "m" },
		})
	}},
	{"the api client leads an ip policy rule through its life", func(b *bench) {
		policy := b.policy()
		life(b, kind[ngrokapi.IPPolicyRule, ngrokapi.IPPolicyRuleCreate, ngrokapi.IPPolicyRuleUpdate]{
			client: ip_policy_rules.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.IPPolicyRuleCreate {
				return &ngrokapi.IPPolicyRuleCreate{CIDR: fmt.Sprintf("10.%d.0.0/16", n), IPPolicyID: policy, Action: ngrokapi.String("deny")}
			},
			made: func(o *ngrokapi.IPPolicyRule) bool { return o.IPPolicy.ID == policy && o.Action == "deny" },
			update: func(id string) *ngrokapi.IPPolicyRuleUpdate {
				return &ngrokapi.IPPolicyRuleUpdate{ID: id, CIDR: ngrokapi.String("2001:db8::/32")}
			},
			changed: func(o *ngrokapi.IPPolicyRule) bool { return o.CIDR == "2001:db8::/32" && o.IPPolicy.ID == policy },
		})
	}},
	{"the api client leads an ip restriction through its life", func(b *bench) {
		policy := b.policy()
		life(b, kind[ngrokapi.IPRestriction, ngrokapi.IPRestrictionCreate, ngrokapi.IPRestrictionUpdate]{
			client: ip_restrictions.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.IPRestrictionCreate {
				return &ngrokapi.IPRestrictionCreate{Type: "agent", Description: fmt.Sprint("restriction ", n), IPPolicyIDs: []string{policy}}
			},
			// Not enforced: an empty policy lets nobody in.
			made: func(o *ngrokapi.IPRestriction) bool {
				return !o.Enforced && len(o.IPPolicies) == 1 && o.IPPolicies[0].ID == policy
			},
			update: func(id string) *ngrokapi.IPRestrictionUpdate {
				return &ngrokapi.IPRestrictionUpdate{ID: id, Description: ngrokapi.String("changed"), Enforced: ngrokapi.Bool(false)}
			},
			changed: func(o *ngrokapi.IPRestriction) bool { return o.Description == "changed" && o.Type == "agent" },
			one:     true,
		})
	}},
	{"the api client leads a service user through its life", func(b *bench) {
		life(b, kind[ngrokapi.ServiceUser, ngrokapi.ServiceUserCreate, ngrokapi.ServiceUserUpdate]{
			client: service_users.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.ServiceUserCreate {
				return &ngrokapi.ServiceUserCreate{Name: fmt.Sprint("life of service ", n)}
			},
			made: func(o *ngrokapi.ServiceUser) bool { return o.Active && o.Name == "life of service 0" },
			update: func(id string) *ngrokapi.ServiceUserUpdate {
				return &ngrokapi.ServiceUserUpdate{ID: id, Active: ngrokapi.Bool(false)}
			},
			changed: func(o *ngrokapi.ServiceUser) bool { return !o.Active && o.Name == "life of service 0" },
		})
	}},
	{"the api client leads a bot user through its life", func(b *bench) {
		life(b, kind[ngrokapi.BotUser, ngrokapi.BotUserCreate, ngrokapi.BotUserUpdate]{
			client: bot_users.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.BotUserCreate {
				return &ngrokapi.BotUserCreate{Name: fmt.Sprint("life of bot ", n), Active: ngrokapi.Bool(n == 0)}
			},
			made: func(o *ngrokapi.BotUser) bool { return o.Active && o.Name == "life of bot 0" },
			update: func(id string) *ngrokapi.BotUserUpdate {
				return &ngrokapi.BotUserUpdate{ID: id, Name: ngrokapi.String("changed bot")}
			},
			changed: func(o *ngrokapi.BotUser) bool { return o.Active && o.Name == "changed bot" },
		})
	}},
	{"the api client leads a tls certificate through its life", func(b *bench) {
		certificate, key := b.selfSigned(false)
		life(b, kind[ngrokapi.TLSCertificate, ngrokapi.TLSCertificateCreate, ngrokapi.TLSCertificateUpdate]{
			client: tls_certificates.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.TLSCertificateCreate {
				return &ngrokapi.TLSCertificateCreate{Description: fmt.Sprint("certificate ", n), CertificatePEM: certificate, PrivateKeyPEM: key}
			},
			made: func(o *ngrokapi.TLSCertificate) bool {
				return o.SubjectCommonName == "life.example.com" && o.CertificatePEM == certificate
			},
			update: func(id string) *ngrokapi.TLSCertificateUpdate {
				return &ngrokapi.TLSCertificateUpdate{ID: id, Description: ngrokapi.String("changed")}
			},
			changed: func(o *ngrokapi.TLSCertificate) bool {
				return o.Description == "changed" && o.CertificatePEM == certificate
			},
		})
	}},
	{"the api client leads a certificate authority through its life", func(b *bench) {
		certificate, _ := b.selfSigned(true)
		life(b, kind[ngrokapi.CertificateAuthority, ngrokapi.CertificateAuthorityCreate, ngrokapi.CertificateAuthorityUpdate]{
			client: certificate_authorities.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.CertificateAuthorityCreate {
				return &ngrokapi.CertificateAuthorityCreate{Description: fmt.Sprint("authority ", n), CAPEM: certificate}
			},
			made: func(o *ngrokapi.CertificateAuthority) bool {
				return o.SubjectCommonName == "life.example.com" && o.CAPEM == certificate
			},
			update: func(id string) *ngrokapi.CertificateAuthorityUpdate {
				return &ngrokapi.CertificateAuthorityUpdate{ID: id, Metadata: ngrokapi.String("m")}
			},
			changed: func(o *ngrokapi.CertificateAuthority) bool { return o.Metadata == "m" && o.CAPEM == certificate },
		})
	}},
	{"the api client leads an agent ingress through its life", func(b *bench) {
		life(b, kind[ngrokapi.AgentIngress, ngrokapi.AgentIngressCreate, ngrokapi.AgentIngressUpdate]{
			client: agent_ingresses.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.AgentIngressCreate {
				return &ngrokapi.AgentIngressCreate{Domain: fmt.Sprintf("ingress-%d.example.com", n), Description: "ingress"}
			},
			made: func(o *ngrokapi.AgentIngress) bool { return o.Domain == "ingress-0.example.com" },
			update: func(id string) *ngrokapi.AgentIngressUpdate {
				return &ngrokapi.AgentIngressUpdate{ID: id, Description: ngrokapi.String("changed")}
			},
			changed: func(o *ngrokapi.AgentIngress) bool { return o.Description == "changed" },
		})
	}},
	{"the api client leads a vault through its life", func(b *bench) {
		life(b, kind[ngrokapi.Vault, ngrokapi.VaultCreate, ngrokapi.VaultUpdate]{
			client: vaults.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.VaultCreate {
				return &ngrokapi.VaultCreate{Name: fmt.Sprintf("life-%d", n), Description: "vault"}
			},
			made: func(o *ngrokapi.Vault) bool { return o.Name == "life-0" },
			update: func(id string) *ngrokapi.VaultUpdate {
				return &ngrokapi.VaultUpdate{ID: id, Name: ngrokapi.String("renamed")}
			},
			changed: func(o *ngrokapi.Vault) bool { return o.Name == "renamed" && o.Description == "vault" },
		})
	}},
	{"the api client leads a secret through its life", func(b *bench) {
		client := vaults.NewClient(b.apiConfig())
		vault, err := client.Create(context.Background(), &ngrokapi.VaultCreate{Name: "for-secrets"})
		b.no(err, "a vault")
		b.cleanup(func() { client.Delete(context.Background(), vault.ID) })
		life(b, kind[ngrokapi.Secret, ngrokapi.SecretCreate, ngrokapi.SecretUpdate]{
			client: secrets.NewClient(b.apiConfig()),
			create: func(n int) *ngrokapi.SecretCreate {
				return &ngrokapi.SecretCreate{Name: fmt.Sprintf("secret-%d", n), Value: "hidden", VaultID: vault.ID}
			},
			made: func(o *ngrokapi.Secret) bool { return o.Vault.ID == vault.ID && o.Name == "secret-0" },
			update: func(id string) *ngrokapi.SecretUpdate {
				return &ngrokapi.SecretUpdate{ID: id, Value: ngrokapi.String("other"), Description: ngrokapi.String("changed")}
			},
			changed: func(o *ngrokapi.Secret) bool { return o.Description == "changed" },
		})
	}},
	{"refusals are typed errors of the api client", func(b *bench) {
		client := ip_policies.NewClient(b.apiConfig())
		_, err := client.Get(context.Background(), "ipp_0ujtsYcgvSTl8PAuAdqWYSMnLOv")
		b.check(ngrokapi.IsNotFound(err), "%v", err)
		_, err = ip_policy_rules.NewClient(b.apiConfig()).Create(context.Background(), &ngrokapi.IPPolicyRuleCreate{
			CIDR: "nonsense", IPPolicyID: b.policy(), Action: ngrokapi.String("allow"),
		})
		refused, is := err.(*ngrokapi.Error)
		b.check(is && refused.StatusCode == 400 && ngrokapi.IsErrorCode(err, 1406), "%v", err)
		b.check(refused.OperationID() != "" && refused.Details["field"] == "cidr", "%v", refused.Details)
		wrong := b.apiConfig()
		wrong.APIKey = b.server.info.Authtoken
		_, err = ip_policies.NewClient(wrong).Get(context.Background(), "ipp_0ujtsYcgvSTl8PAuAdqWYSMnLOv")
		b.check(ngrokapi.IsErrorCode(err, 207), "%v", err)
	}},
	{"an old api client of version 5 works too", func(b *bench) {
		config := ngrokapi5.NewClientConfig(b.server.info.APIKey, ngrokapi5.WithBaseURL(b.server.info.API), ngrokapi5.WithHTTPClient(b.server.client()))
		client, ctx := policies5.NewClient(config), context.Background()
		made := map[string]bool{}
		for n := range 5 {
			policy, err := client.Create(ctx, &ngrokapi5.IPPolicyCreate{Description: fmt.Sprint("of version 5, ", n)})
			b.no(err, "create")
			made[policy.ID] = true
			b.cleanup(func() { client.Delete(ctx, policy.ID) })
		}
		pages := client.List(&ngrokapi5.Paging{Limit: ngrokapi5.String("2")})
		for pages.Next(ctx) {
			policy := pages.Item()
			if made[policy.ID] {
				delete(made, policy.ID)
				policy, err := client.Update(ctx, &ngrokapi5.IPPolicyUpdate{ID: policy.ID, Metadata: ngrokapi5.String("m")})
				b.no(err, "update")
				b.check(policy.Metadata == "m", "%v", policy)
				b.no(client.Delete(ctx, policy.ID), "delete")
				_, err = client.Get(ctx, policy.ID)
				b.check(ngrokapi5.IsNotFound(err), "%v", err)
			}
		}
		b.no(pages.Err(), "list")
		b.check(len(made) == 0, "not listed: %v", made)
	}},
}

// apiConfig is how the shared server's API is reached.
func (b *bench) apiConfig() *ngrokapi.ClientConfig {
	return ngrokapi.NewClientConfig(b.server.info.APIKey, ngrokapi.WithBaseURL(b.server.info.API), ngrokapi.WithHTTPClient(b.server.client()))
}

// policy is an empty IP policy for this test.
func (b *bench) policy() string {
	client := ip_policies.NewClient(b.apiConfig())
	policy, err := client.Create(context.Background(), &ngrokapi.IPPolicyCreate{Description: "of a test"})
	b.no(err, "an IP policy")
	b.cleanup(func() { client.Delete(context.Background(), policy.ID) })
	return policy.ID
}
