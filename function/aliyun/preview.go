package aliyun

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"backupportal/function/backup"
	"backupportal/function/jsontext"
	"backupportal/function/param"
	"backupportal/function/pattern"
)

// Previews returns the call of CreateBackupJob as four texts that people can copy: the HTTP
// request, a command of the Alibaba Cloud CLI, a request to the portal's API, and a Go program.
// All have the parameters that would be sent. Credentials appear only as names of environment
// variables. It makes no call.
func (c *Client) Previews(call backup.Call) []backup.Preview {
	params, region := call.Params.Parameters(), call.Target.Region
	origin := c.origin(backupHost(region))
	return []backup.Preview{{
		Title: param.Both("The exact API request", "实际 API 请求"),
		Code:  requestText(origin, region, params),
	}, {
		Title: param.Both("The same request with the Alibaba Cloud CLI", "使用阿里云 CLI 发送相同请求"),
		Code:  commandText(region, params),
	}, {
		Title: param.Both("The same request through this portal's API", "通过本门户的 API 发送相同请求"),
		Code:  portalText(call.Params),
	}, {
		Title: param.Both("The same request in Go", "使用 Go 发送相同请求"),
		Code:  programText(origin, region, params),
	}}
}

// requestText returns the request without its signature, one parameter on each line.
func requestText(origin *url.URL, region string, params []param.Parameter) string {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s://%s/\nAction=%s\nVersion=%s\nRegionId=%s\n", origin.Scheme, origin.Host, createBackupJob, version, region)
	for _, p := range params {
		fmt.Fprintf(&b, "%s=%s\n", p.Name, p.Value)
	}
	return b.String()
}

// commandText returns a command of the Alibaba Cloud CLI for a POSIX shell.
func commandText(region string, params []param.Parameter) string {
	return operationText(createBackupJob, region, params) + "\n"
}

// operationText returns a CLI command that calls an operation of Cloud Backup. It has no line
// break at the end.
func operationText(action, region string, params []param.Parameter) string {
	var b strings.Builder
	fmt.Fprintf(&b, "aliyun %s %s --RegionId %s", product, action, shellQuote(region))
	for _, p := range params {
		between := " "
		if strings.HasPrefix(p.Value, "-") {
			between = "=" // otherwise the CLI reads the value as a flag
		}
		fmt.Fprintf(&b, " \\\n  --%s%s%s", p.Name, between, shellQuote(p.Value))
	}
	return b.String()
}

// portalText returns a curl command that sends the same request to the portal's API. It has an
// idempotency key, so that repeating the command starts no second backup.
func portalText(complete param.Params) string {
	return `curl -X POST "$PORTAL/api/v1/backup-jobs" \
  -H 'Content-Type: application/json' \
  -H "Authorization: Bearer $PORTAL_TOKEN" \
  -H "Idempotency-Key: $IDEMPOTENCY_KEY" \
  -d ` + shellQuote(submissionJSON(complete)) + "\n"
}

// unquotedWord is the pattern of a word that a POSIX shell does not change without quotes.
const unquotedWord = `[A-Za-z0-9_./:,@%+][A-Za-z0-9_./:,@%+=-]*`

// shellQuote returns s as one word for a POSIX shell.
func shellQuote(s string) string {
	if pattern.Match(unquotedWord, s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// assignedName matches a JobName as the portal sends it: the caller's name, the submission's
// id, and a number if it is not the first attempt (call of the cloud). The first group is the
// caller's name.
var assignedName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\A(.*)-[a-z2-7]{26}(-[0-9]+)?\z`)
})

// submissionJSON returns the body of a request to the portal's API that has the same effect as
// the parameters of call. It leaves out values that follow from the account alias and values
// that equal the default. It has the JobName as the caller gave it.
func submissionJSON(complete param.Params) string {
	type member struct{ name, value string }
	var top []member
	objects := map[string][]string{}
	for _, f := range param.Fields {
		value := complete[f.Name]
		if f.Name == "JobName" {
			value = labelOf(value)
		}
		if value == "" || f.Assigned || value == f.Default && f.Name != "SourceType" {
			continue
		}
		object, key, nested := strings.Cut(f.Name, ".")
		if !nested {
			top = append(top, member{f.Name, valueJSON(f, value)})
			continue
		}
		if objects[object] == nil {
			top = append(top, member{name: object})
		}
		objects[object] = append(objects[object], jsontext.Must(key)+":"+valueJSON(f, value))
	}
	members := make([]string, len(top))
	for i, m := range top {
		if keys := objects[m.name]; keys != nil {
			m.value = "{" + strings.Join(keys, ",") + "}"
		}
		members[i] = jsontext.Must(m.name) + ":" + m.value
	}
	return indent("{" + strings.Join(members, ",") + "}")
}

// labelOf returns the part of a JobName that the caller gave. It returns "" if that part is
// "portal", which the portal uses if the caller gave no name.
func labelOf(name string) string {
	if m := assignedName().FindStringSubmatch(name); m != nil {
		name = m[1]
	}
	if name == "portal" {
		return ""
	}
	return name
}

// valueJSON returns a value in the JSON type of its field, or as a string if it does not have
// that type.
func valueJSON(f param.Field, value string) string {
	switch f.Type {
	case param.Integer:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	case param.Boolean, param.Strings, param.Objects:
		if json.Valid([]byte(value)) {
			return value
		}
	}
	return jsontext.Must(value)
}

// indent returns JSON text with line breaks. It returns invalid JSON unchanged.
func indent(compact string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(compact), "", "  "); err != nil {
		return compact
	}
	return b.String()
}

// programText returns a Go program that makes the call with the vendor's SDK. It is formatted
// as gofmt does.
func programText(origin *url.URL, region string, params []param.Parameter) string {
	var b strings.Builder
	fmt.Fprintf(&b, programStart, goText(region), sdkScheme(origin), goText(origin.Host), product, version, createBackupJob)
	for _, p := range params {
		fmt.Fprintf(&b, "\trequest.FormParams[%s] = %s\n", goText(p.Name), goText(p.Value))
	}
	b.WriteString(programEnd)
	return b.String()
}

// goText returns s as a Go string literal. It uses a raw literal if that avoids backslashes.
func goText(s string) string {
	if strings.ContainsAny(s, `"\`) && strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// programStart and programEnd are the parts of a Go program before and after its parameters.
// programStart is a format for package fmt.
const programStart = `package main

import (
	"fmt"
	"log"
	"os"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

func main() {
	keys := credentials.NewStaticSTSCredentialsProvider(
		os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
		os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		os.Getenv("ALIBABA_CLOUD_SECURITY_TOKEN"), // empty for a permanent key
	)
	client, err := sdk.NewClientWithOptions(%s, sdk.NewConfig(), keys)
	if err != nil {
		log.Fatal(err)
	}
	request := requests.NewCommonRequest()
	request.Method = requests.POST
	request.Scheme = %q
	request.Domain = %s
	request.Product = %q
	request.Version = %q
	request.ApiName = %q
`

const programEnd = `	response, err := client.ProcessCommonRequest(request)
	if err != nil {
		log.Fatalf("%T", err) // its text can hold the signed address
	}
	fmt.Println(response.GetHttpContentString()) // look for "Success": a refusal is no error
}
`
