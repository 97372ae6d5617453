package aliyun

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/pattern"
)

// A response has the members that any response of the cloud can have (API pages of Cloud Backup
// and STS). A member that is missing or malformed is "".
type response struct {
	object    bool   // the body is a JSON object; if false, all other fields are zero
	success   string // "true" or "false"
	code      string // "200" for a success; the constant unreadable if Code does not match the pattern word
	message   string // text of the cloud, not cleaned yet: see cleanMessage
	requestID string
	jobID     string        // id of the job that CreateBackupJob started
	denial    backup.Denial // the details that RAM gives when it refuses a call; may be empty
}

// unreadable is used instead of an error code that does not have the form of a code.
const unreadable = "Unreadable"

// word is the pattern of a code or an id.
const word = `[A-Za-z0-9._-]{1,64}`

// parseResponse parses the body of a response. The parser of the SDK is not used: it panics
// if Code is a number, and takes invalid JSON for a success.
func parseResponse(body []byte) response {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return response{}
	}
	r := response{object: true, code: scalar(members["Code"]), message: text(members["Message"])}
	if s := string(members["Success"]); s == "true" || s == "false" {
		r.success = s
	}
	if r.code != "" && !pattern.Match(word, r.code) {
		r.code = unreadable
	}
	r.requestID = wordOrEmpty(text(members["RequestId"]))
	r.jobID = wordOrEmpty(text(members["JobId"]))
	r.denial = readDenial(members["AccessDeniedDetail"])
	return r
}

// action is the pattern of an action of RAM, such as "hbr:CreateBackupJob".
const action = `[A-Za-z0-9]{1,32}:[A-Za-z0-9]{1,64}`

// readDenial reads AccessDeniedDetail, RAM's explanation of a refusal. It drops values that do
// not have the expected form.
func readDenial(raw json.RawMessage) backup.Denial {
	var d struct{ AuthAction, PolicyType, NoPermissionType string }
	if len(raw) == 0 || json.Unmarshal(raw, &d) != nil {
		return backup.Denial{}
	}
	if !pattern.Match(action, d.AuthAction) {
		d.AuthAction = ""
	}
	return backup.Denial{
		Action:     d.AuthAction,
		PolicyType: wordOrEmpty(d.PolicyType),
		Kind:       wordOrEmpty(d.NoPermissionType),
	}
}

// scalar returns a JSON string or number as text, and "" for every other value. Code needs it:
// the API page shows a string, but responses of the service have a number.
func scalar(raw json.RawMessage) string {
	var number json.Number
	if len(raw) > 0 && raw[0] != '"' && json.Unmarshal(raw, &number) == nil {
		return number.String()
	}
	return text(raw)
}

// text returns a JSON string, and "" for every other value.
func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// wordOrEmpty returns s if it matches word, otherwise "".
func wordOrEmpty(s string) string {
	if !pattern.Match(word, s) {
		return ""
	}
	return s
}

// longestMessage is the maximum length of a message, in bytes: 300 Chinese characters. Longer
// ones are cut.
const longestMessage = 900

// keyShape matches the beginning of an access key ID or of an ID of temporary credentials.
var keyShape = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`LTAI[0-9A-Za-z]{12}|STS\.[0-9A-Za-z]{12}`)
})

// cleanMessage returns a message of the cloud that is safe to show. It returns "" if the
// message contains one of secrets or the ID of any access key: the cloud's gateway can quote
// parts of the request.
func cleanMessage(message string, secrets []string) string {
	for _, s := range secrets {
		once := url.QueryEscape(s)
		quoted := func(text string) bool { return strings.Contains(message, text) }
		if s != "" && slices.ContainsFunc([]string{s, once, url.QueryEscape(once)}, quoted) {
			return ""
		}
	}
	if keyShape().MatchString(message) {
		return ""
	}
	return param.Clean(message, longestMessage)
}

// maxRetryAfter is the longest waiting time that the portal accepts from the cloud's response.
const maxRetryAfter = 20 * time.Second

// retryAfter returns how long a caller should wait after the cloud has refused too many
// requests (throttling). The cloud gives it in milliseconds, as TimeLeft in the header
// X-Ratelimit-User-Api or X-Ratelimit-User. The result is 0 without such a header, and at most
// maxRetryAfter.
func retryAfter(h http.Header) time.Duration {
	limit := cmp.Or(h.Get("X-Ratelimit-User-Api"), h.Get("X-Ratelimit-User"))
	for part := range strings.SplitSeq(limit, ",") {
		if left, ok := strings.CutPrefix(strings.TrimSpace(part), "TimeLeft:"); ok {
			ms, err := strconv.ParseInt(left, 10, 32)
			if err != nil || ms < 0 {
				return 0
			}
			return min(time.Duration(ms)*time.Millisecond, maxRetryAfter)
		}
	}
	return 0
}
