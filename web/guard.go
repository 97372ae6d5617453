package web

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	xlanguage "golang.org/x/text/language"

	"backupportal/function/backup"
	"backupportal/function/logging"
	"backupportal/function/param"
	"backupportal/templates"
)

// identify adds the request id, the language and the theme to the context of a
// request. The answer has the id in the header X-Request-Id: it finds the lines of
// the log that this request caused.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := s.requestID(r.Context())
		w.Header().Set("X-Request-Id", id)
		ctx := logging.WithRequestID(r.Context(), id)
		ctx = backup.WithRequestInfo(ctx, s.requestInfo(r, id))
		ctx = templates.WithLanguage(ctx, language(r))
		ctx = templates.WithTheme(ctx, theme(r))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// requestInfo is what the audit is told of a request. The address of the client is that
// of the connection, or what the platform says in its place. A header, which anybody can
// write, counts only if a proxy in TRUSTED_PROXIES sent it: see [clientIP].
func (s *Server) requestInfo(r *http.Request, id string) backup.RequestInfo {
	v := backup.RequestInfo{
		RequestID: id,
		Trace:     backup.TraceID(r.Header.Get("Traceparent")),
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

// requestID is the id that ctx has already, so that the lines before and after
// this point have the same, or a new one.
func (s *Server) requestID(ctx context.Context) string {
	if id := logging.RequestID(ctx); id != "" {
		return id
	}
	return s.RequestID(ctx)
}

// requestID is the id of a request behind identify.
func requestID(r *http.Request) string { return logging.RequestID(r.Context()) }

// language is the reader's: the cookie beats what the browser prefers.
func language(r *http.Request) param.Language {
	if c, err := r.Cookie("lang"); err == nil {
		if l, ok := languageTag(c.Value); ok {
			return l
		}
	}
	return preferred(r.Header.Get("Accept-Language"))
}

// offered are the languages of the portal by the index of the matcher's tags, the
// default first. Readers of traditional Chinese get Chinese too.
var offered = []param.Language{param.English, param.Chinese, param.Chinese}

// matcher is made when the first request needs it: it costs time at the start.
var matcher = sync.OnceValue(func() xlanguage.Matcher {
	return xlanguage.NewMatcher([]xlanguage.Tag{
		xlanguage.English,
		xlanguage.SimplifiedChinese,
		xlanguage.TraditionalChinese,
	})
})

// preferred returns the language of the portal that fits a header Accept-Language
// best (RFC 9110, section 12.5.4). Malformed elements of the header are ignored;
// without any other it is English.
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
	return offered[index]
}

func languageTag(s string) (param.Language, bool) {
	l := param.Language(s)
	return l, l == param.English || l == param.Chinese
}

func theme(r *http.Request) string {
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// recovered turns a panic into the page for our own faults.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				s.Log.ErrorContext(r.Context(), "panic", "panic", fmt.Sprintf("%.200v", v), "method", r.Method, "path", r.URL.Path, "stack", string(debug.Stack()))
				s.problem(w, r, errPanic)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// headers protects every answer, errors included.
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
			// Function Compute echoes any origin, with credentials, unless the function names one.
			h.Set("Access-Control-Allow-Origin", s.Origin)
		}
		next.ServeHTTP(w, r)
	})
}

// hosted refuses requests for other names than the portal's own: links and
// cookies depend on it, and so does the check of a form's origin.
func (s *Server) hosted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := hostName(r.Host); !ok || !s.Host(r.Host) {
			s.problem(w, r, errHost)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limited bounds what a request may make us read.
func (s *Server) limited(next http.Handler) http.Handler {
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
			most = maxHook
		}
		// The server's own writer closes the connection behind a body that is too long.
		inner := w
		if sent, ok := w.(*statusWriter); ok {
			inner = sent.ResponseWriter
		}
		r.Body = http.MaxBytesReader(inner, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// headerBytes is the size of the names and values of all headers.
func headerBytes(r *http.Request) int {
	n := len("Host") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value)
		}
	}
	return n
}

// sameOrigin refuses what other sites make a browser send.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.problem(w, r, errOrigin) }))
	return guard.Handler(next)
}

// routed answers in the portal's own words where mux has no route.
func (s *Server) routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fallback, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// The mux's own handler knows whether another method would do.
		lost := &statusOnly{header: http.Header{}}
		fallback.ServeHTTP(lost, r)
		if allow := lost.header.Get("Allow"); lost.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", allow)
			s.problem(w, r, errMethod)
			return
		}
		s.problem(w, r, errNoPage)
	})
}

// statusOnly is a response of which only status and header matter.
type statusOnly struct {
	header http.Header
	status int
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) WriteHeader(status int)      { w.status = status }
func (w *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// OnLoopback reports whether a host, with or without a port, is this machine:
// localhost, an address of 127.0.0.0/8, or [::1]. A server on loopback that answers to
// nothing else cannot be reached by another site under its own name. What is not
// exactly a host and a port (RFC 9110, section 7.2) is another machine.
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

// hostName returns the host of a Host header, an IPv6 address in its brackets. It is
// not ok unless the rest is nothing, or a colon and a port: 1 to 65535 in digits.
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
