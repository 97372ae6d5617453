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

// maxFaultSchedule is the maximum size of a posted fault schedule (the text that says which
// calls fail): 64 KiB.
const maxFaultSchedule = 64 << 10

// controlRoutes returns the handler of the emulator's own routes under /_emulator/. They need
// no signature, so the emulator should listen on loopback only. Two checks keep web pages of
// other sites from using them through a browser: cross-origin protection, and a Host that must
// be an IP address or localhost.
func (c *Cloud) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_emulator/ledger", c.showLedger)
	mux.HandleFunc("GET /_emulator/faults", c.showFaults)
	mux.HandleFunc("POST /_emulator/faults", c.replaceFaults)
	mux.HandleFunc("POST /_emulator/reset", c.handleReset)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocalName(r.Host) {
			http.Error(w, "the control routes are reached by an IP address or as localhost", http.StatusMisdirectedRequest)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// isLocalName reports whether host is an IP address, localhost or a name under localhost, with
// or without a port. A web page can make its own name resolve to this machine (DNS rebinding),
// but the browser then sends that name as Host, which is refused.
func isLocalName(host string) bool {
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

// showLedger writes the ledger as JSON, filtered by the query. Jobs have their current state.
func (c *Cloud) showLedger(w http.ResponseWriter, r *http.Request) {
	since, action, err := ledgerQuery(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(plainjson.Encode(c.ledgerSince(since, action)))
}

// ledgerQuery reads the filters of the query: a time and an action. The zero time and the empty
// action mean no filter. An unknown or repeated name is an error: if it were ignored, the
// caller would get the whole ledger and take it for the filtered one.
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

// showFaults writes the steps of the fault schedule that were not used yet, on one line. The
// text is a valid schedule.
func (c *Cloud) showFaults(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, c.Faults()+"\n")
}

// replaceFaults replaces the fault schedule by the one in the request's body, and answers with
// it in standard form. It ignores Content-Type, because curl -d always sends that of a form.
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

// handleReset calls Reset, which deletes all recorded calls, jobs and faults, and answers 204.
func (c *Cloud) handleReset(w http.ResponseWriter, r *http.Request) {
	c.Reset()
	w.WriteHeader(http.StatusNoContent)
}
