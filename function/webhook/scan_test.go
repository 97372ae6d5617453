package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/jsontext"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// verify calls Receive with a body in memory and returns the message without the values.
func verify(s Source, h http.Header, body []byte, now time.Time) (Message, error) {
	m, _, err := Receive(s, h, bytes.NewReader(body), now)
	return m, err
}

// submission returns what the template of s makes of a message, without a check of a signature.
// drawJSON returns a random JSON value, sometimes with repeated names, blanks and escapes.
func submission(s Source, body []byte) ([]byte, error) {
	values, err := read(s, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return values.Submission()
}

func hexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key secret.String, signed []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(signed)
	return mac.Sum(nil)
}

// drawJSON generates a JSON value, sometimes with repeated names, blanks and escapes.
func drawJSON(t *rapid.T, depth int) string {
	blank := rapid.SampledFrom([]string{"", "", " ", "\n\t", "\r "}).Draw(t, "blank")
	kinds := 5
	if depth == 0 {
		kinds = 3
	}
	text := ""
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		text = rapid.SampledFrom([]string{"true", "false", "null", "0", "-0", "7", "-12", "1.50", "2e3", "1E-9", "12345678901234567890"}).Draw(t, "word")
	case 1:
		text = rapid.SampledFrom([]string{`""`, `"a"`, `"7"`, `"\u0061\n"`, `"{\"b\":1}"`, `"漢字"`, `"\\\"]}"`, `"\ud800"`}).Draw(t, "text")
	case 2:
		raw, _ := json.Marshal(rapid.String().Draw(t, "string"))
		text = string(raw)
	case 3:
		var parts []string
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			name := rapid.SampledFrom([]string{`"a"`, `"b"`, `"\u0061"`, `"0"`, `""`, `"a/b"`}).Draw(t, "name")
			parts = append(parts, blank+name+blank+":"+drawJSON(t, depth-1))
		}
		text = "{" + strings.Join(parts, ",") + blank + "}"
	case 4:
		var parts []string
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			parts = append(parts, drawJSON(t, depth-1))
		}
		text = "[" + strings.Join(parts, ",") + blank + "]"
	}
	return blank + text + blank
}

// lookup finds the value at a place by decoding the whole message. It is the second
// implementation with which the scanner is compared.
func lookup(v any, pointer []string) (any, bool) {
	for _, part := range pointer {
		switch in := v.(type) {
		case map[string]any:
			found, ok := in[part]
			if !ok {
				return nil, false
			}
			v = found
		case []any:
			at := strings.Index("0123", part)
			if len(part) != 1 || at < 0 || at >= len(in) {
				return nil, false
			}
			v = in[at]
		default:
			return nil, false
		}
	}
	return v, true
}

func decodeAny(t interface{ Fatal(...any) }, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(string(text), err)
	}
	return v
}

// TestScanAgreesWithEncodingJSON proves that the scanner accepts exactly the texts that
// encoding/json accepts, and finds the same values at the same places.
func TestScanAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(drawJSON(t, 4))
		for range rapid.IntRange(0, 2).Draw(t, "damages") {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			text[at] = rapid.SampledFrom([]byte(`{}[]",:\ 0.-+etu`+"\x00\x1f\n")).Draw(t, "byte")
		}
		var places []*wanted
		for range rapid.IntRange(0, 3).Draw(t, "places") {
			part := rapid.SampledFrom([]string{"a", "b", "0", "1", "", "a/b", "-", "01"})
			places = append(places, &wanted{pointer: rapid.SliceOfN(part, 1, 4).Draw(t, "pointer")})
		}
		err := scan(iotest.OneByteReader(bytes.NewReader(text)), places)
		if (err == nil) != (json.Valid(text) && jsontext.Unicode(text) == nil) {
			t.Fatalf("%q: %v, but encoding/json says %v", text, err, json.Valid(text))
		}
		if err != nil {
			return
		}
		whole := decodeAny(t, text)
		for _, w := range places {
			want, ok := lookup(whole, w.pointer)
			if ok != w.found {
				t.Fatalf("%q at %q: found %v, want %v", text, w.pointer, w.found, ok)
			}
			if !ok {
				continue
			}
			got, _ := json.Marshal(decodeAny(t, w.text))
			expected, _ := json.Marshal(want)
			if string(got) != string(expected) {
				t.Fatalf("%q at %q: %s, want %s", text, w.pointer, got, expected)
			}
		}
	})
}

// FuzzScan proves that the scanner and encoding/json agree about any text.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"x"]}`, `[`, `[1,]`, `{"a":}`, `01`, `-`, `1.`, `"\u12"`, "\"\x01\"", `{} {}`, ``, `nul`, `{"a" 1}`, `[1 2]`, `{,}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "\ufeff") {
			return // the scanner skips it, encoding/json does not
		}
		if err := scan(strings.NewReader(text), nil); (err == nil) != (json.Valid([]byte(text)) && jsontext.Unicode([]byte(text)) == nil) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// TestScanDepth proves that a deeply nested message is refused. It must not exhaust the stack
// of the recursive scanner.
func TestScanDepth(t *testing.T) {
	for depth, want := range map[int]bool{10: true, maxDepth + 1: true, maxDepth + 2: false, 1 << 20: false} {
		if err := scan(strings.NewReader(strings.Repeat("[", depth)+strings.Repeat("]", depth)), nil); (err == nil) != want {
			t.Errorf("%d: %v", depth, err)
		}
	}
}

// TestScanReportsReadErrors proves that an error of the connection, or of the size limit, is
// returned as it is. It must not look like a mistake of the sender.
func TestScanReportsReadErrors(t *testing.T) {
	broken := errors.New("connection lost")
	for _, start := range []string{"", "{", `{"a`, `{"a":`, `{"a":1`, `{"a":-`, `{"a":1.`, `{"a":tr`, `{"a":1}`, "x"} {
		body := io.MultiReader(strings.NewReader(start), iotest.ErrReader(broken))
		if _, err := read(Source{}, body); !errors.Is(err, broken) {
			t.Errorf("%q: %v", start, err)
		}
	}
}

// A large is a stream of a JSON message of many megabytes, which is never in memory as a whole: the
// instance comes last, after texts, lists and a name of several megabytes each.
type large struct {
	parts []func() io.Reader
}

func largeMessage(megabytes int) large {
	fill := func(text string) func() io.Reader {
		return func() io.Reader {
			return io.LimitReader(&repeated{text: text}, int64(megabytes)<<18/int64(len(text))*int64(len(text)))
		}
	}
	fixed := func(text string) func() io.Reader { return func() io.Reader { return strings.NewReader(text) } }
	return large{[]func() io.Reader{
		fixed(`{"status":"firing","text":"`), fill("漢x"), fixed(`","`), fill("name"), fixed(`":1,"list":[`), fill("1,"), fixed(`1],"n":`),
		fill("9"), fixed(`,"labels":{"instance":"i-1","days":"7"}}`),
	}}
}

func (l large) reader() io.Reader {
	var readers []io.Reader
	for _, part := range l.parts {
		readers = append(readers, part())
	}
	return io.MultiReader(readers...)
}

// A repeated is an endless stream of one text.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[r.at]
		r.at = (r.at + 1) % len(r.text)
	}
	return len(p), nil
}

// TestLargeMessagesNeedLittleMemory proves that a message of 32 MB is verified and read without
// being in memory as a whole, for each kind of source and signature.
func TestLargeMessagesNeedLittleMemory(t *testing.T) {
	const megabytes = 12
	message := largeMessage(megabytes)
	template := Source{
		When: []Condition{{Pointer: []string{"status"}, Equals: "firing"}},
		Submission: map[string]Part{
			"Account": {Value: "demo"}, "InstanceId": {Pointer: []string{"labels", "instance"}}, "Retention": {Pointer: []string{"labels", "days"}},
		},
	}
	sign := func(mac io.Writer, prefix string) {
		io.WriteString(mac, prefix)
		io.Copy(mac, message.reader())
	}
	github, standard, bearer := template, template, template
	github.Kind, github.Keys = GitHub, []Key{{ID: "g1", Secret: secret.New(gitHubSecret)}}
	mac := hmac.New(sha256.New, []byte(gitHubSecret))
	sign(mac, "")
	gitHubHeader := http.Header{"X-Github-Delivery": {"d-1"}, "X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}

	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	standard.Kind, standard.Tolerance = Standard, time.Minute
	standard.Keys = []Key{{ID: "p1", Public: private.Public().(ed25519.PublicKey)}}
	prefix := vectorID + "." + vectorTime + "."
	whole, _ := io.ReadAll(io.MultiReader(strings.NewReader(prefix), message.reader()))
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(private, whole))
	whole = nil

	token := "hbp_" + strings.Repeat("x", 43)
	bearer.Kind, bearer.BodyKey, bearer.Keys = Bearer, true, []Key{{ID: "t1", Sum: sha256.Sum256([]byte(token))}}

	for name, c := range map[string]struct {
		source Source
		header http.Header
	}{
		"github":        {github, gitHubHeader},
		"standard, v1a": {standard, vector("v1a," + signature)},
		"bearer":        {bearer, http.Header{"Authorization": {"Bearer " + token}}},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		m, values, err := Receive(c.source, c.header, message.reader(), signedAt)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		asked, err := values.Submission()
		if want := `{"Account":"demo","InstanceId":"i-1","Retention":"7"}`; err != nil || string(asked) != want || m.Key == "" {
			t.Errorf("%s: %s, %v, %+v", name, asked, err, m)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: a message of %d MB needs %d KB", name, megabytes, used>>10)
		}
	}
}

// TestLongValuesAreRefusedByName proves that a value that is too long for its parameter is
// refused, and that the mistake names the parameter. Other long values in the message do not
// matter.
func TestLongValuesAreRefusedByName(t *testing.T) {
	s := Source{
		When:       []Condition{{Pointer: []string{"s"}, Equals: "x"}},
		Submission: map[string]Part{"InstanceId": {Pointer: []string{"i"}}, "Region": {Pointer: []string{"r"}}},
	}
	long := strings.Repeat("x", maxValue)
	_, err := submission(s, []byte(`{"s":"x","i":"`+long+`","r":"cn-hangzhou"}`))
	bad, ok := errors.AsType[param.InvalidError](err)
	if !ok || len(bad) != 1 || bad[0].Field != "InstanceId" || bad[0].Code != "too_long" || !strings.Contains(bad[0].In(param.Chinese), "256 KB") {
		t.Errorf("%v", err)
	}
	if got, err := submission(s, []byte(`{"z":"`+long+`","`+long+long+`":1,"s":"x","i":"i-1"}`)); err != nil || string(got) != `{"InstanceId":"i-1"}` {
		t.Errorf("%.200s, %v", got, err)
	}
	if _, err := submission(s, []byte(`{"s":"`+long+`"}`)); !errors.Is(err, ErrNothing) {
		t.Errorf("a long condition: %v", err)
	}
}

// TestByteOrderMarkOfMessages proves that a byte order mark before a message is skipped when it
// is read, but is part of the signed text.
func TestByteOrderMarkOfMessages(t *testing.T) {
	s := Source{Kind: GitHub, Keys: []Key{{ID: "g1", Secret: secret.New(gitHubSecret)}}, Submission: map[string]Part{"Region": {Pointer: []string{"r"}}}}
	for _, body := range []string{"\ufeff" + `{"r":"x"}`, "\ufeff \n" + `{"r":"x"}`, `{"r":"x"}`} {
		h := http.Header{"X-Github-Delivery": {"d-1"}, "X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(hmacSHA256(secret.New(gitHubSecret), []byte(body)))}}
		_, values, err := Receive(s, h, strings.NewReader(body), signedAt)
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if got, err := values.Submission(); err != nil || string(got) != `{"Region":"x"}` {
			t.Errorf("%q: %s, %v", body, got, err)
		}
	}
	for _, body := range []string{"\ufeff", "\ufeff\ufeff{}", "{}\ufeff", "\xff\xfe{\x00}\x00", "\xef\xbb{}"} {
		if _, err := submission(s, []byte(body)); !errors.Is(err, ErrNotJSON) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// TestSvixHeaders proves that the header names of Svix are accepted instead of the standard
// names. A message must not mix headers of the two lists.
func TestSvixHeaders(t *testing.T) {
	svix := func(id, stamp, signature string) http.Header {
		return http.Header{"Svix-Id": {id}, "Svix-Timestamp": {stamp}, "Svix-Signature": {signature}}
	}
	both := func(change string, to []string) http.Header {
		h := svix(vectorID, vectorTime, vectorV1)
		for name, values := range vector(vectorV1) {
			h[name] = values
		}
		if to == nil {
			delete(h, change)
		} else if change != "" {
			h[change] = to
		}
		return h
	}
	for name, c := range map[string]struct {
		h    http.Header
		want bool
	}{
		"svix, v1":                     {svix(vectorID, vectorTime, vectorV1), true},
		"svix, two signatures":         {svix(vectorID, vectorTime, "v1,AAAA "+vectorV1), true},
		"both":                         {both("", []string{}), true},
		"both, svix wrong":             {both("Svix-Signature", []string{"v1,AAAA"}), true},
		"both, the standard's wrong":   {both("Webhook-Signature", []string{"v1,AAAA"}), false},
		"both, the standard's missing": {both("Webhook-Signature", nil), false},
		"only a standard id":           {both("Webhook-Timestamp", nil), false},
		"another id":                   {svix("msg_x", vectorTime, vectorV1), false},
		"another time":                 {svix(vectorID, "1614265331", vectorV1), false},
		"too old":                      {svix(vectorID, "1614260000", vectorV1), false},
		"an id twice":                  {http.Header{"Svix-Id": {vectorID, vectorID}, "Svix-Timestamp": {vectorTime}, "Svix-Signature": {vectorV1}}, false},
		"no signature":                 {http.Header{"Svix-Id": {vectorID}, "Svix-Timestamp": {vectorTime}}, false},
	} {
		m, err := verify(hmacSource(t), c.h, []byte(vectorBody), signedAt)
		if (err == nil) != c.want || c.want && m.ID != vectorID {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if _, err := verify(edSource(t), svix(vectorID, vectorTime, vectorV1a), []byte(vectorBody), signedAt); err != nil {
		t.Errorf("v1a: %v", err)
	}
}

// TestEd25519AgreesWithTheStandardLibrary proves that the check that reads a stream accepts exactly
// the signatures that crypto/ed25519 accepts.
func TestEd25519AgreesWithTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		private := ed25519.NewKeyFromSeed(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		public := bytes.Clone(private.Public().(ed25519.PublicKey))
		message := rapid.SliceOf(rapid.Byte()).Draw(t, "message")
		signature := ed25519.Sign(private, message)
		all := [][]byte{public, signature, message}
		if part := all[rapid.IntRange(0, 2).Draw(t, "part")]; len(part) > 0 && rapid.Bool().Draw(t, "damage") {
			part[rapid.IntRange(0, len(part)-1).Draw(t, "at")] ^= byte(1 << rapid.IntRange(0, 7).Draw(t, "bit"))
		}
		got := false
		if c, ok := ed25519Check(Key{Public: public}, signature); ok {
			c.sum.Write(message)
			got = c.valid()
		}
		if want := ed25519.Verify(public, message, signature); got != want {
			t.Fatalf("%v, but crypto/ed25519 says %v", got, want)
		}
	})
}

// TestBodiesOfStrangersAreNotRead proves that the body of a message is not read if its headers
// already show that it is not valid.
func TestBodiesOfStrangersAreNotRead(t *testing.T) {
	unread := iotest.ErrReader(errors.New("the body was read"))
	for name, c := range map[string]struct {
		s Source
		h http.Header
	}{
		"standard, no headers":     {hmacSource(t), http.Header{}},
		"standard, too old":        {hmacSource(t), http.Header{"Webhook-Id": {vectorID}, "Webhook-Timestamp": {"1"}, "Webhook-Signature": {vectorV1}}},
		"standard, v1a for a key":  {hmacSource(t), vector(vectorV1a)},
		"github, no signature":     {Source{Kind: GitHub, Keys: []Key{{ID: "g", Secret: secret.New(gitHubSecret)}}}, http.Header{"X-Github-Delivery": {"d"}}},
		"bearer, no token":         {Source{Kind: Bearer}, http.Header{}},
		"bearer, an unknown token": {Source{Kind: Bearer, Keys: []Key{{ID: "t"}}}, http.Header{"Authorization": {"Bearer hbp_" + strings.Repeat("x", 43)}}},
		"no kind":                  {Source{}, vector(vectorV1)},
	} {
		if _, _, err := Receive(c.s, c.h, unread, signedAt); !errors.Is(err, ErrUnverified) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestInvalidUnicodeIsRefused proves that a message with invalid Unicode is refused, also at a
// place that the template does not use. It reads each text byte by byte.
func TestInvalidUnicodeIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		`{"a":"\ud83d\ude00","b\\ud800":"😀"}`: nil, `["\ufffd","�","\n\u0041"]`: nil,
		`{"a":"\ud800"}`: jsontext.ErrSurrogate, `{"a":"\ud801"}`: jsontext.ErrSurrogate, `{"\udc00":1}`: jsontext.ErrSurrogate,
		`["\ud800\n"]`: jsontext.ErrSurrogate, `["\ud800\ud800"]`: jsontext.ErrSurrogate, `["\ud83d\ude00\ude00"]`: jsontext.ErrSurrogate,
		"[\"\xff\"]": jsontext.ErrUTF8, "[\"\xed\xa0\x80\"]": jsontext.ErrUTF8, "{\"\xc0\xaf\":1}": jsontext.ErrUTF8, "[\"\xe4\xbd\"]": jsontext.ErrUTF8,
	} {
		if err := scan(iotest.OneByteReader(strings.NewReader(text)), nil); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
		if got := jsontext.Unicode([]byte(text)); !errors.Is(got, want) {
			t.Errorf("%q: Unicode: %v, want %v", text, got, want)
		}
	}
}
