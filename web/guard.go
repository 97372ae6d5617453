package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	xlanguage "golang.org/x/text/language"

	"backupportal/function/backup"
	"backupportal/function/logging"
	"backupportal/function/param"
	"backupportal/function/pattern"
	"backupportal/function/trace"
	"backupportal/templates"
)

// identify adds to the context of each request its id, what the audit trail needs, and the
// reader's language and theme. It is the outermost layer, because error pages need these too.
// The answer has the id in the header X-Request-Id; the log lines of the request contain it.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := s.requestID(r.Context())
		w.Header().Set("X-Request-Id", id)
		ctx := logging.WithRequestID(r.Context(), id)
		given, ok := trace.Parse(r.Header.Values("Traceparent"), r.Header.Values("Tracestate"))
		if ok {
			ctx = trace.With(ctx, given)
		} else {
			ctx = trace.With(ctx, trace.New())
		}
		info := s.requestInfo(r, id)
		info.Trace = given.TraceID
		ctx = backup.WithRequestInfo(ctx, info)
		ctx = templates.WithLanguage(ctx, language(r))
		ctx = templates.WithTheme(ctx, theme(r))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// requestInfo returns what the audit trail records of a request. The client's address is that of
// the connection, or the one that the platform reports for it. Headers such as X-Forwarded-For,
// which every client can set, count only if a proxy in TRUSTED_PROXIES sent them: see [clientIP].
func (s *Server) requestInfo(r *http.Request, id string) backup.RequestInfo {
	v := backup.RequestInfo{
		RequestID: id,
		Door:      backup.DoorForm,
		UserAgent: param.Clean(r.UserAgent(), 200),
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		v.Door = backup.DoorAPI
	case strings.HasPrefix(r.URL.Path, "/webhooks/"):
		v.Door = backup.DoorWebhook
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		peer := from.Addr().Unmap()
		v.ClientIP = clientIP(peer, s.Proxies, r.Header.Values("X-Forwarded-For"), r.Header.Values("Forwarded")).String()
	}
	return v
}

// requestID returns the request id that ctx already has, so that all log lines of a request
// have the same one. Without one it returns a new id.
func (s *Server) requestID(ctx context.Context) string {
	if id := logging.RequestID(ctx); id != "" {
		return id
	}
	return s.RequestID(ctx)
}

// requestID returns the id of a request that passed identify.
func requestID(r *http.Request) string { return logging.RequestID(r.Context()) }

// language returns the reader's language: from the cookie, or from the header Accept-Language if there is no
// cookie.
func language(r *http.Request) param.Language {
	if c, err := r.Cookie("lang"); err == nil {
		if l, ok := languageTag(c.Value); ok {
			return l
		}
	}
	return preferred(r.Header.Get("Accept-Language"))
}

// matchedLanguages are the portal's languages by the index of the matcher's tags, the default
// first. Traditional Chinese maps to Chinese.
var matchedLanguages = []param.Language{param.English, param.Chinese, param.Chinese}

// matcher is made at the first use, because making it takes noticeable time at the start of an
// instance.
var matcher = sync.OnceValue(func() xlanguage.Matcher {
	return xlanguage.NewMatcher([]xlanguage.Tag{
		xlanguage.English,
		xlanguage.SimplifiedChinese,
		xlanguage.TraditionalChinese,
	})
})

// preferred returns the portal's language that best fits a header Accept-Language (RFC 9110,
// section 12.5.4). Malformed elements are ignored. The default is English.
func preferred(header string) param.Language {
	var elements []string
	for element := range strings.SplitSeq(header, ",") {
		if _, _, err := xlanguage.ParseAcceptLanguage(element); err == nil {
			elements = append(elements, element)
		}
	}
	tags, _, err := xlanguage.ParseAcceptLanguage(strings.Join(elements, ","))
	if err != nil {
		return param.English // too many tags
	}
	_, index, _ := matcher().Match(tags...)
	return matchedLanguages[index]
}

// languageTag returns the language with the tag s, or false if the portal does not have it.
func languageTag(s string) (param.Language, bool) {
	l := param.Language(s)
	return l, l == param.English || l == param.Chinese
}

// theme returns "light" or "dark" from the cookie. It returns "" if none exists, which means
// the theme of the system.
func theme(r *http.Request) string {
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// zonePattern matches the names of time zones in the IANA database.
const zonePattern = `[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}`

// zone returns the time zone of the reader's browser, which the script wrote into a cookie, or
// that of the portal.
func (s *Server) zone(r *http.Request) *time.Location {
	if c, err := r.Cookie("zone"); err == nil && pattern.Match(zonePattern, c.Value) && c.Value != "Local" {
		if zone, err := time.LoadLocation(c.Value); err == nil {
			return zone
		}
	}
	return s.Zone
}

// recovered logs a panic with its stack, and answers with the error page for internal errors.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				s.Log.ErrorContext(r.Context(), "panic",
					"panic", fmt.Sprintf("%.200v", v),
					"method", r.Method,
					"path", r.URL.Path,
					"stack", string(debug.Stack()))
				s.problem(w, r, errPanic)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// headers sets the security headers of every answer, including errors.
func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set(
			"Content-Security-Policy",
			"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", "Cookie, Accept-Language, Accept-Encoding")
		if strings.HasPrefix(s.Origin, "https://") {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if s.Origin != "" {
			// Without this header, Function Compute allows every origin that asks (CORS), with
			// credentials.
			h.Set("Access-Control-Allow-Origin", s.Origin)
		}
		next.ServeHTTP(w, r)
	})
}

// checkHost refuses requests for other host names than the portal's own, because links, cookies
// and the check of a form's origin depend on the host name.
func (s *Server) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := hostName(r.Host); !ok || !s.Host(r.Host) {
			s.problem(w, r, errHost)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitSizes limits the length of the address and the size of the body.
func (s *Server) limitSizes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RequestURI()) > maxURL {
			s.problem(w, r, errURL)
			return
		}
		if headerBytes(r) > maxHeaders {
			s.problem(w, r, errHeaders)
			return
		}
		most := int64(maxBody)
		if strings.HasPrefix(r.URL.Path, "/webhooks/") {
			most = cmp.Or(s.HookBytes, MaxHook)
		}
		switch r.URL.Path {
		case batchesPath:
			most = maxBatchBody
		case targetsPath:
			most = maxTargetsBody
		}
		// MaxBytesReader closes the connection after a too long body only for the server's own writer.
		inner := w
		if sent, ok := w.(*statusWriter); ok {
			inner = sent.ResponseWriter
		}
		r.Body = http.MaxBytesReader(inner, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// decoded refuses requests with a Content-Encoding, such as a compressed body. The portal
// decodes no body: a few compressed bytes can become gigabytes, and signatures cover the bytes
// as they were sent. It accepts the coding "identity", which changes nothing. A refusal has the
// header Accept-Encoding: identity (RFC 9110, section 12.5.3).
func (s *Server) decoded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, coding := range r.Header.Values("Content-Encoding") {
			if coding != "" && !strings.EqualFold(strings.TrimSpace(coding), "identity") {
				w.Header().Set("Accept-Encoding", "identity")
				s.problem(w, r, errEncoded)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// headerBytes returns the size of the names and values of all headers.
func headerBytes(r *http.Request) int {
	n := len("Host") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value)
		}
	}
	return n
}

// sameOrigin refuses requests that another site made a browser send (cross-site request forgery).
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.problem(w, r, errOrigin) }))
	return guard.Handler(next)
}

// routed passes requests to mux. Unknown paths and methods get the portal's own error pages.
func (s *Server) routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fallback, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// The handler that the mux returns without a pattern answers 405 if the path exists
		// with another method, and else 404. Only its status is used.
		fallbackAnswer := &statusOnly{header: http.Header{}}
		fallback.ServeHTTP(fallbackAnswer, r)
		if allow := fallbackAnswer.header.Get("Allow"); fallbackAnswer.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", allow)
			s.problem(w, r, errMethod)
			return
		}
		s.problem(w, r, errNoPage)
	})
}

// A statusOnly is a response writer that keeps only the status and the header.
type statusOnly struct {
	header http.Header
	status int
}

// Header implements [http.ResponseWriter].
func (w *statusOnly) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *statusOnly) WriteHeader(status int) { w.status = status }

// Write implements [http.ResponseWriter]. It drops b.
func (w *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// OnLoopback reports whether host, with or without a port, is this machine: localhost, an
// address of 127.0.0.0/8, or [::1]. A server on loopback that accepts only such hosts is
// protected from DNS rebinding by other sites. A text that is not exactly a host with an
// optional port (RFC 9110, section 7.2) is not this machine.
func OnLoopback(host string) bool {
	name, ok := hostName(host)
	if !ok {
		return false
	}
	if name == "localhost" {
		return true
	}
	bracketed := name[0] == '['
	if bracketed {
		name = strings.TrimSuffix(name[1:], "]")
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback() && ip.Is6() == bracketed
}

// hostName returns the host of a Host header, an IPv6 address in its brackets. ok is false if
// the host is followed by something other than a colon and a port: 1 to 65535 in digits.
func hostName(host string) (name string, ok bool) {
	name, rest := host, ""
	if at := strings.IndexByte(host, ']'); strings.HasPrefix(host, "[") && at > 0 {
		name, rest = host[:at+1], host[at+1:]
	} else if at := strings.IndexByte(host, ':'); at >= 0 {
		name, rest = host[:at], host[at:]
	}
	if name == "" || strings.ContainsAny(name, "@/\\?#% \t") {
		return "", false
	}
	if rest == "" {
		return name, true
	}
	port, found := strings.CutPrefix(rest, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	return name, found && err == nil && n > 0 && port == strconv.FormatUint(n, 10)
}
