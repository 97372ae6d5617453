package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
)

// A wire is a Cloud behind a real connection, with a client. The client follows no redirects and
// repeats no request.
type wire struct {
	*fixture
	url    string
	client *http.Client
}

// newWire starts an emulator with the demo accounts and a schedule of faults, and returns a
// client for it.
func newWire(t *testing.T, faults string) *wire {
	t.Helper()
	f := newFixture(t)
	if err := f.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(f.Cloud)
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(srv.Close)
	return &wire{f, srv.URL, client}
}

// signed returns a valid signed request.
func (w *wire) signed(action string, own rpc.Params) rpc.Params {
	p := w.common(portal, action)
	maps.Copy(p, own)
	p["Signature"] = sign.Signature(portal.secret, sign.StringToSign("POST", p))
	return p
}

// A clientView is the answer as the client received it: status, headers and body, or the error.
type clientView struct {
	status int
	header http.Header
	body   string
	err    error // error of the request; if status is set, error of reading the body
}

// post sends signed parameters and reads the whole answer.
func (w *wire) post(t *testing.T, p rpc.Params) clientView {
	t.Helper()
	form := url.Values{}
	for name, v := range p {
		form.Set(name, v)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.client.Do(r)
	if err != nil {
		return clientView{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return clientView{resp.StatusCode, resp.Header, string(body), err}
}

// create sends a CreateBackupJob.
func (w *wire) create(t *testing.T) clientView {
	t.Helper()
	return w.post(t, w.signed("CreateBackupJob", instanceOrder()))
}

// object decodes a JSON answer. It keeps each number as text.
func (s clientView) object(t *testing.T) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(s.body))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		t.Fatalf("%.200q is no json object: %v", s.body, err)
	}
	return object
}

// lastCall returns the last call in the ledger.
func (w *wire) lastCall(t *testing.T) Call {
	t.Helper()
	calls := w.Ledger().Calls
	if len(calls) == 0 {
		t.Fatal("the ledger has no call")
	}
	return calls[len(calls)-1]
}

// errorMismatch describes how got differs from the expected error. It returns the empty text if got
// matches.
func errorMismatch(got, want error) string {
	switch {
	case want == nil && got != nil:
		return "it got the error " + got.Error()
	case want != nil && !errors.Is(got, want):
		return "it got the error " + str(got) + ", not " + want.Error()
	}
	return ""
}
