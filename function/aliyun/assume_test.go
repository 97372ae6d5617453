package aliyun_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/secret"
)

// assumes returns a fake AssumeRole operation. Each call returns different, numbered
// credentials, which expire after the time lasts.
func assumes(lasts time.Duration) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		k := n.Add(1)
		answer(200, fmt.Sprintf(`{"RequestId":"R-2","AssumedRoleUser":{"Arn":"a"},"Credentials":{"AccessKeyId":"STS.MARKER-%d","AccessKeySecret":"MARKER-sts-secret-%d","SecurityToken":"MARKER/sts+token-%d","Expiration":%q}}`,
			k, k, k, time.Now().Add(lasts).UTC().Format(time.RFC3339)))(w, r)
	}
}

// TestAssumeRoleParameters proves that the portal calls AssumeRole with the role that the
// policy sets for the account, and with a session policy that permits only the operation.
// Requirement CD-2.
func TestAssumeRoleParameters(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": answer(200, success)})
	if _, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), assumedCall()); err != nil {
		t.Fatal(err)
	}
	asked, created := server.call(t, 0), server.call(t, 1)
	for name, want := range map[string]string{
		"Action": "AssumeRole", "Version": "2015-04-01", "AccessKeyId": keyMarker, "SecurityToken": tokenMarker,
		"RoleArn": "acs:ram::2000000000000002:role/backup-operator", "DurationSeconds": "900", "ExternalId": "MARKER-external",
		"Policy": `{"Version":"1","Statement":[{"Effect":"Allow","Action":["hbr:CreateBackupJob"],"Resource":["*"]},{"Effect":"Allow","Action":["ram:CreateServiceLinkedRole"],"Resource":["*"],"Condition":{"StringEquals":{"ram:ServiceName":["ecsbackup.hbr.aliyuncs.com"]}}}]}`,
	} {
		if got := asked.Get(name); got != want {
			t.Errorf("AssumeRole with %s = %q, want %q", name, got, want)
		}
	}
	if got := created.Get("AccessKeyId") + " " + created.Get("SecurityToken"); got != "STS.MARKER-1 MARKER/sts+token-1" {
		t.Errorf("CreateBackupJob signed with %q, want the role's credentials", got)
	}
}

func TestSessionNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": answer(200, success)})
	client := clientOf(t, server.URL)
	for i, test := range []struct{ name, start string }{
		{"alice@example.com", "alice@example.com-"}, {"alice@example.com", "alice@example.com-"},
		{"李雷 <li>", "li-"}, {"李雷", "portal-"}, {strings.Repeat("x", 80), strings.Repeat("x", 48) + "-"},
	} {
		call := assumedCall()
		call.Target.Principal = identity.Principal{Issuer: "https://issuer.example", Subject: fmt.Sprint(i), Name: test.name}
		if _, err := client.CreateBackupJob(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		name := server.call(t, 2*i).Get("RoleSessionName")
		if rest, ok := strings.CutPrefix(name, test.start); !ok || len(rest) != 8 || seen[name] {
			t.Errorf("session name of %q is %q, want a new one that begins with %q and ends in 8 characters", test.name, name, test.start)
		}
		seen[name] = true
	}
}

func TestConcurrentCallsAssumeRoleOnce(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": answer(200, success)})
	client := clientOf(t, server.URL)
	const callers = 200
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if _, err := client.CreateBackupJob(t.Context(), assumedCall()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, m := server.count("AssumeRole"), server.count("CreateBackupJob"); n != 1 || m != callers {
		t.Errorf("%d AssumeRole for %d calls, want 1 for %d", n, m, callers)
	}
}

func TestSessionsExpireByWallClock(t *testing.T) {
	var c clock
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(15 * time.Minute), "CreateBackupJob": answer(200, success)})
	client := clientOf(t, server.URL, func(cfg *aliyun.Config) { cfg.Now = c.now })
	for _, step := range []struct {
		advance time.Duration
		want    int
	}{{0, 1}, {9 * time.Minute, 1}, {2 * time.Minute, 2}} {
		c.advance(step.advance)
		if _, err := client.CreateBackupJob(t.Context(), assumedCall()); err != nil {
			t.Fatal(err)
		}
		if n := server.count("AssumeRole"); n != step.want {
			t.Errorf("after %v more: %d AssumeRole, want %d", step.advance, n, step.want)
		}
	}
}

// TestSessionLifetime proves that the policy decides how long credentials of a role are used.
// This also holds if the response of STS has no time of expiry.
func TestSessionLifetime(t *testing.T) {
	var c clock
	endless := answer(200, `{"RequestId":"R-2","Credentials":{"AccessKeyId":"STS.K","AccessKeySecret":"s","SecurityToken":"t"}}`)
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": endless, "CreateBackupJob": answer(200, success)})
	client := clientOf(t, server.URL, func(cfg *aliyun.Config) { cfg.Now = c.now })
	call := assumedCall()
	call.Target.Account.Session = time.Hour
	for _, step := range []struct {
		advance time.Duration
		want    int
	}{{0, 1}, {54 * time.Minute, 1}, {2 * time.Minute, 2}} {
		c.advance(step.advance)
		if _, err := client.CreateBackupJob(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		if n := server.count("AssumeRole"); n != step.want {
			t.Errorf("after %v more: %d AssumeRole, want %d", step.advance, n, step.want)
		}
	}
	if got := server.call(t, 0).Get("DurationSeconds"); got != "3600" {
		t.Errorf("asked for %s seconds", got)
	}
}

// TestSessionsAreNotShared proves that cached credentials are used only for the same principal,
// account and role. Otherwise one person could act with the rights of another.
func TestSessionsAreNotShared(t *testing.T) {
	changes := map[string]func(*backup.Call){
		"principal": func(c *backup.Call) { c.Target.Principal.Subject = "u2" },
		"issuer":    func(c *backup.Call) { c.Target.Principal.Issuer = "https://other.example" },
		"account":   func(c *backup.Call) { c.Target.Account.ID = "2000000000000003" },
		"alias":     func(c *backup.Call) { c.Target.Account.Alias = "other" },
		"role":      func(c *backup.Call) { c.Target.Account.Role = "other" },
		"session":   func(c *backup.Call) { c.Target.Account.Session = time.Hour },
		"external":  func(c *backup.Call) { c.Target.Account.ExternalID = secret.New("other") },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": answer(200, success)})
			client := clientOf(t, server.URL)
			other := assumedCall()
			change(&other)
			for _, call := range []backup.Call{assumedCall(), other, assumedCall(), other} {
				if _, err := client.CreateBackupJob(t.Context(), call); err != nil {
					t.Fatal(err)
				}
			}
			if n := server.count("AssumeRole"); n != 2 {
				t.Errorf("%d AssumeRole for two roles, want 2", n)
			}
		})
	}
}

// refusesKey returns a fake operation that refuses every request signed with the key keyID. The
// refusal has the given error code.
func refusesKey(keyID, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Form.Get("AccessKeyId") == keyID || keyID == "" {
			refusal(403, `"`+code+`"`)(w, r)
			return
		}
		answer(200, success)(w, r)
	}
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	for _, code := range []string{"InvalidSecurityToken.Expired", "InvalidSecurityToken.Malformed", "InvalidAccessKeyId.NotFound"} {
		server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": refusesKey("STS.MARKER-1", code)})
		if _, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), assumedCall()); err != nil {
			t.Errorf("%s: %v, want a job by the second token", code, err)
		}
		if n, m := server.count("AssumeRole"), server.count("CreateBackupJob"); n != 2 || m != 2 {
			t.Errorf("%s: %d AssumeRole and %d CreateBackupJob, want 2 of each", code, n, m)
		}
	}
}

func TestSecondTokenRefusalIsFinal(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": refusesKey("", "InvalidSecurityToken.Expired")})
	_, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), assumedCall())
	if n := server.count("CreateBackupJob"); !errors.Is(err, backup.ErrCredentials) || n != 2 {
		t.Errorf("error = %v after %d calls, want refused credentials after 2", err, n)
	}
}

func TestOnlyRefusedTokensAreRetried(t *testing.T) {
	for _, handler := range []http.HandlerFunc{refusal(500, `"InvalidSecurityToken.Expired"`), refusal(403, `"NoPermission"`), refusal(400, `"Throttling"`), refusal(400, `"SignatureNonceUsed"`)} {
		server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": handler})
		if _, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), assumedCall()); err == nil || server.count("CreateBackupJob") != 1 {
			t.Errorf("error = %v after %d calls, want one after 1", err, server.count("CreateBackupJob"))
		}
	}
}

func TestOwnTokenIsNotRetried(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": refusesKey("", "InvalidSecurityToken.Expired")})
	_, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), instanceCall())
	if !errors.Is(err, backup.ErrCredentials) || server.count("") != 1 {
		t.Errorf("error = %v after %d calls, want refused credentials after 1", err, server.count(""))
	}
}

// TestAssumeRoleFailuresAreNeverUnknown proves that a failure of AssumeRole is never
// ErrUnknownOutcome. The portal has not called Cloud Backup at that time, so no job can exist.
func TestAssumeRoleFailuresAreNeverUnknown(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   error
		code   string
	}{
		{"no permission", refusal(403, `"NoPermission"`), backup.ErrRefused, "AssumeRole.NoPermission"},
		{"no such role", refusal(404, `"EntityNotExist.Role"`), backup.ErrRefused, "AssumeRole.EntityNotExist.Role"},
		{"bad parameter", refusal(400, `"InvalidParameter.RoleArn"`), backup.ErrRefused, "AssumeRole.InvalidParameter.RoleArn"},
		{"undocumented", refusal(400, `"Strange"`), backup.ErrRefused, "AssumeRole.Strange"},
		{"long code", refusal(400, `"`+strings.Repeat("x", 60)+`"`), backup.ErrRefused, "AssumeRole.Unreadable"},
		{"numeric code", refusal(400, `400`), backup.ErrRefused, "AssumeRole.400"},
		{"throttled", refusal(429, `"Throttling.User"`), backup.ErrThrottled, "AssumeRole.Throttling.User"},
		{"own key invalid", refusal(403, `"InvalidAccessKeyId.NotFound"`), backup.ErrCredentials, "AssumeRole.InvalidAccessKeyId.NotFound"},
		{"internal error", refusal(500, `"InternalError"`), backup.ErrNotSent, "AssumeRole.InternalError"},
		{"nonce used", refusal(400, `"SignatureNonceUsed"`), backup.ErrNotSent, "AssumeRole.SignatureNonceUsed"},
		{"page of a proxy", answer(502, "<html>"), backup.ErrNotSent, ""},
		{"no credentials", answer(200, `{"RequestId":"R-1","Credentials":{}}`), backup.ErrNotSent, ""},
		{"broken", answer(200, `{"Credentials":`), backup.ErrNotSent, ""},
		{"cut", func(w http.ResponseWriter, _ *http.Request) { dropConnection(w, "") }, backup.ErrNotSent, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": test.answer})
			_, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), assumedCall())
			failed := cloudError(t, err)
			if !errors.Is(err, test.want) || failed.Code != test.code || failed.Action != "AssumeRole" || failed.Unlisted {
				t.Errorf("error = %v, want %v with code %q", err, test.want, test.code)
			}
			if n, m := server.count("AssumeRole"), server.count("CreateBackupJob"); n != 1 || m != 0 {
				t.Errorf("%d AssumeRole and %d CreateBackupJob, want 1 and 0", n, m)
			}
		})
	}
}

func TestAssumeRoleEndsWithContext(t *testing.T) {
	started := make(chan struct{})
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": blockUntilCancelled(started)})
	client := clientOf(t, server.URL)
	first, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := client.CreateBackupJob(first, assumedCall())
		done <- err
	}()
	<-started
	second, give := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer give()
	if _, err := client.CreateBackupJob(second, assumedCall()); !errors.Is(err, backup.ErrNotSent) {
		t.Errorf("error = %v, want not sent", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, backup.ErrNotSent) {
		t.Errorf("error = %v, want not sent", err)
	}
}

// TestCrossAccountAssumesNoRole proves that the portal makes no call of AssumeRole for an
// account with the access hbr_cross_account. Cloud Backup itself assumes the role in such an
// account.
func TestCrossAccountAssumesNoRole(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": answer(200, success)})
	call := instanceCall()
	call.Target.Account = backup.Account{Alias: "vaulted", ID: "1589750000004625", Access: backup.HBRCrossAccount, Role: "hbrcrossrole"}
	call.Params["CrossAccountType"], call.Params["CrossAccountUserId"], call.Params["CrossAccountRoleName"] = "CROSS_ACCOUNT", "1589750000004625", "hbrcrossrole"
	if _, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	got := server.call(t, 0)
	if got.Get("AccessKeyId") != keyMarker || got.Get("CrossAccountUserId") != "1589750000004625" || got.Get("CrossAccountRoleName") != "hbrcrossrole" {
		t.Errorf("sent %v", got)
	}
}
