package policy

import (
	"encoding/hex"
	"time"

	"backupportal/function/identity"
)

// maxTokens is the maximum number of tokens in a policy. A request is compared with each of
// them.
const maxTokens = 200

// Forms of hashes and times.
var (
	sumShape  = shape{`[0-9a-f]{64}`, "64 hexadecimal digits in lower case, as token new prints them"}
	timeShape = shape{`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z`, "a time of UTC such as 2027-06-01T00:00:00Z, in quotes"}
)

// Tokens returns the tokens of programs, also expired ones. They must not be changed.
func (p *Policy) Tokens() []identity.Token { return p.tokens }

// token reads one token. Its hash must be different from those of all earlier tokens, and
// its id from those of the same source.
func (l *loader) token(p place) identity.Token {
	m := l.mapping(p, []string{"source", "id", "sha256", "not_after"}, nil)
	t := identity.Token{
		Source: l.shaped(m["source"], nameShape), ID: l.shaped(m["id"], nameShape), NotAfter: l.moment(m["not_after"]),
	}
	sum, err := hex.DecodeString(l.shaped(m["sha256"], sumShape))
	if err != nil || len(sum) != len(t.Sum) {
		return t // a problem already
	}
	copy(t.Sum[:], sum)
	for _, other := range l.tokens {
		switch {
		case other.Sum == t.Sum:
			l.wrong(m["sha256"], "another token has the same sha256: create a new token for each")
		case other.Source == t.Source && other.ID == t.ID:
			l.wrong(m["id"], "another token of %s has the name %q: choose another name", t.Source, t.ID)
		}
	}
	l.tokens = append(l.tokens, t)
	return t
}

// moment reads a time in UTC, with seconds. It must be in quotes in the file, because YAML has
// many forms of times. It returns the zero time if the key is missing.
func (l *loader) moment(p place) time.Time {
	text := l.shaped(p, timeShape)
	if p.node == nil || l.refused[p.node] {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		l.wrong(p, "is not a valid time: write %s", timeShape.words)
	}
	return at
}
