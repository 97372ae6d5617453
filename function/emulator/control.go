package emulator

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/plainjson"
)

// maxFaultSchedule bounds a schedule of faults, in bytes.
const maxFaultSchedule = 64 << 10

// controlRoutes are the emulator's own routes, for tests and curious people.
// They need no signature, which is one reason to stay on loopback. A browser
// may not be sent here by the page of a stranger.
func (c *Cloud) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_emulator/ledger", c.showLedger)
	mux.HandleFunc("GET /_emulator/faults", c.showFaults)
	mux.HandleFunc("POST /_emulator/faults", c.replaceFaults)
	mux.HandleFunc("POST /_emulator/reset", c.forget)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !addressed(r.Host) {
			http.Error(w, "the control routes are reached by an IP address or as localhost", http.StatusMisdirectedRequest)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// addressed reports whether a Host is an address or this machine's own name. A
// page that has its name resolved to this machine has another.
func addressed(host string) bool {
	name, rest := host, ""
	if at := strings.IndexByte(host, ']'); strings.HasPrefix(host, "[") && at > 0 {
		name, rest = host[:at+1], host[at+1:]
	} else if at := strings.IndexByte(host, ':'); at >= 0 {
		name, rest = host[:at], host[at:]
	}
	if rest != "" {
		port, found := strings.CutPrefix(rest, ":")
		if n, err := strconv.ParseUint(port, 10, 16); !found || err != nil || n == 0 {
			return false
		}
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	bracketed := strings.HasPrefix(name, "[")
	if bracketed {
		name = strings.TrimSuffix(name[1:], "]")
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Is6() == bracketed
}

// showLedger answers with the ledger, or the part of it that the query names;
// jobs are in the state of this moment.
func (c *Cloud) showLedger(w http.ResponseWriter, r *http.Request) {
	since, action, err := ledgerQuery(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(plainjson.Encode(c.ledgerSince(since, action)))
}

// ledgerQuery refuses names that it does not know: with one misspelt the whole
// ledger would pass for a part of it.
func ledgerQuery(r *http.Request) (since time.Time, action string, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return since, "", errors.New("the query cannot be read")
	}
	for name, values := range query {
		if len(values) > 1 {
			return since, "", errors.New("the ledger is asked for one " + name + " at a time")
		}
		switch name {
		case "action":
			action = values[0]
			if !slices.ContainsFunc(api.Operations, func(o api.Operation) bool { return o.Action == action }) {
				return since, "", errors.New("there is no such action here")
			}
		case "since":
			if since, err = time.Parse(time.RFC3339Nano, values[0]); err != nil {
				return since, "", errors.New("since is not a time like 2026-01-02T03:04:05Z")
			}
		default:
			return since, "", errors.New("the ledger can be asked for action and since only")
		}
	}
	return since, action, nil
}

// showFaults answers with what is left of the schedule, on one line: a shell can
// keep it and post it again.
func (c *Cloud) showFaults(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, c.Faults()+"\n")
}

// replaceFaults takes a schedule as it is, whatever Content-Type the client
// claims for it, and answers with it as it was understood.
func (c *Cloud) replaceFaults(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFaultSchedule))
	if err != nil {
		http.Error(w, "the schedule could not be read, or is longer than 64 KiB", http.StatusBadRequest)
		return
	}
	if err := c.SetFaults(string(body)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.showFaults(w, r)
}

// forget is a POST without a body, and answers without one.
func (c *Cloud) forget(w http.ResponseWriter, r *http.Request) {
	c.Reset()
	w.WriteHeader(http.StatusNoContent)
}
