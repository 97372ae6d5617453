package aliyun

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// A response is what the envelope of an answer says, by the names that the API
// pages of Cloud Backup and STS give.
type response struct {
	object    bool   // the body is a JSON object
	success   string // "true", "false", or "" if there is no such word
	code      string // "200" on success; unreadable if it is no word
	message   string // text of a stranger
	requestID string
	jobID     string
	denial    backup.Denial // of a refusal by RAM, if it says why
}

// unreadable stands for a code that could not be one.
const unreadable = "Unreadable"

// word is what codes and ids look like.
var word = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,64}\z`)

// read parses an envelope by itself: the SDK panics on a numeric Code, and
// takes broken JSON for a success.
func read(body []byte) response {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return response{}
	}
	r := response{object: true, code: scalar(members["Code"]), message: text(members["Message"])}
	if s := string(members["Success"]); s == "true" || s == "false" {
		r.success = s
	}
	if r.code != "" && !word.MatchString(r.code) {
		r.code = unreadable
	}
	r.requestID = wordOrNothing(text(members["RequestId"]))
	r.jobID = wordOrNothing(text(members["JobId"]))
	r.denial = readDenial(members["AccessDeniedDetail"])
	return r
}

// permission is what actions of RAM look like.
var permission = regexp.MustCompile(`\A[A-Za-z0-9]{1,32}:[A-Za-z0-9]{1,64}\z`)

// readDenial reads what RAM says of a refusal ("AccessDeniedDetail"), of which
// nothing but known shapes is kept.
func readDenial(raw json.RawMessage) backup.Denial {
	var d struct{ AuthAction, PolicyType, NoPermissionType string }
	if len(raw) == 0 || json.Unmarshal(raw, &d) != nil {
		return backup.Denial{}
	}
	if !permission.MatchString(d.AuthAction) {
		d.AuthAction = ""
	}
	return backup.Denial{
		Action:     d.AuthAction,
		PolicyType: wordOrNothing(d.PolicyType),
		Kind:       wordOrNothing(d.NoPermissionType),
	}
}

// scalar is a JSON string or number as text, and "" for anything else: the
// API page shows Code as a string, samples of the service as a number.
func scalar(raw json.RawMessage) string {
	var number json.Number
	if len(raw) > 0 && raw[0] != '"' && json.Unmarshal(raw, &number) == nil {
		return number.String()
	}
	return text(raw)
}

func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func wordOrNothing(s string) string {
	if !word.MatchString(s) {
		return ""
	}
	return s
}

// longestMessage is how much of a message is kept, in bytes:
// 300 characters of Chinese.
const longestMessage = 900

// cleanMessage is a message fit to be shown: nothing of it if it echoes what
// the request was signed with.
func cleanMessage(message string, secrets []string) string {
	for _, s := range secrets {
		if s != "" && (strings.Contains(message, s) || strings.Contains(message, url.QueryEscape(s))) {
			return ""
		}
	}
	return param.Clean(message, longestMessage)
}

// longestWait caps what the cloud asks for.
const longestWait = 20 * time.Second

// retryAfter is how long a throttled caller should wait, by the TimeLeft of
// the gateway's header, in milliseconds; 0 if it does not say.
func retryAfter(h http.Header) time.Duration {
	limit := cmp.Or(h.Get("X-Ratelimit-User-Api"), h.Get("X-Ratelimit-User"))
	for part := range strings.SplitSeq(limit, ",") {
		if left, ok := strings.CutPrefix(strings.TrimSpace(part), "TimeLeft:"); ok {
			ms, err := strconv.ParseInt(left, 10, 32)
			if err != nil || ms < 0 {
				return 0
			}
			return min(time.Duration(ms)*time.Millisecond, longestWait)
		}
	}
	return 0
}
