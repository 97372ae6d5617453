package emulator

import "net/http"

// controlRoutes are the emulator's own routes, for tests and curious people.
// They need no signature, which is one reason to stay on loopback.
func (c *Cloud) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_emulator/ledger", c.showLedger)
	mux.HandleFunc("POST /_emulator/reset", c.forget)
	return mux
}

// showLedger answers with the whole ledger; jobs are in the state of this moment.
func (c *Cloud) showLedger(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(encode(c.Ledger()))
}

// forget is a POST without a body, and answers without one.
func (c *Cloud) forget(w http.ResponseWriter, r *http.Request) {
	c.Reset()
	w.WriteHeader(http.StatusNoContent)
}
