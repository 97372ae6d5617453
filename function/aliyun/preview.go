package aliyun

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"backupportal/function/backup"
)

// Previews writes the call in four ways, each from the parameters that would
// be sent: as a request, for the vendor's command line, through the portal's
// own API, and in Go. Credentials appear as names of variables.
func (c *Client) Previews(call backup.Call) []backup.Preview {
	params, region := call.Params.Parameters(), call.Target.Region
	origin := c.origin(backupHost(region))
	return []backup.Preview{{
		Title: both("The exact request", "实际请求"),
		Code:  requestText(origin, region, params),
	}, {
		Title: both("The same with the Alibaba Cloud CLI", "用阿里云 CLI 完成同样的操作"),
		Code:  commandText(region, params),
	}, {
		Title: both("The same through this portal's API", "通过本门户的 API 完成同样的操作"),
		Code:  portalText(call.Params),
	}, {
		Title: both("The same in Go", "用 Go 完成同样的操作"),
		Code:  programText(origin, region, params),
	}}
}

// requestText is the request without its signature, one parameter a line.
func requestText(origin *url.URL, region string, params []backup.Parameter) string {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s://%s/\nAction=%s\nVersion=%s\nRegionId=%s\n", origin.Scheme, origin.Host, createBackupJob, version, region)
	for _, p := range params {
		fmt.Fprintf(&b, "%s=%s\n", p.Name, p.Value)
	}
	return b.String()
}

// commandText is a command of the Alibaba Cloud CLI, for a POSIX shell.
func commandText(region string, params []backup.Parameter) string {
	var b strings.Builder
	fmt.Fprintf(&b, "aliyun %s %s --RegionId %s", product, createBackupJob, shellQuote(region))
	for _, p := range params {
		between := " "
		if strings.HasPrefix(p.Value, "-") {
			between = "=" // or it would be taken for the next flag
		}
		fmt.Fprintf(&b, " \\\n  --%s%s%s", p.Name, between, shellQuote(p.Value))
	}
	return b.String() + "\n"
}

// portalText is a request to the portal itself, for a POSIX shell. One key
// makes one backup, however often the command runs.
func portalText(complete backup.Params) string {
	return `curl -X POST "$PORTAL/api/v1/backup-jobs" \
  -H 'Content-Type: application/json' \
  -H "Authorization: Bearer $PORTAL_TOKEN" \
  -H "Idempotency-Key: $IDEMPOTENCY_KEY" \
  -d ` + shellQuote(submissionJSON(complete)) + "\n"
}

// bare is a word that means itself to every POSIX shell.
var bare = regexp.MustCompile(`\A[A-Za-z0-9_./:,@%+][A-Za-z0-9_./:,@%+=-]*\z`)

// shellQuote writes s as one word for a POSIX shell.
func shellQuote(s string) string {
	if bare.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
