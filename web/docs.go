package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"backupportal/function/jsontext"
	"backupportal/function/param"
	"backupportal/function/pattern"
	"backupportal/templates"
	"backupportal/web/auth"
)

// Addresses of the API and of its descriptions.
const (
	docsPath     = "/docs/api"            // page for people
	documentPath = "/api/v1/openapi.json" // OpenAPI document
	jobsPath     = "/api/v1/backup-jobs"  // submissions and their jobs

	accountPath = "/api/v1/accounts/{alias}" // information about an account
	webhookPath = "/webhooks/{source}"       // messages from other systems
)

// apiReference answers GET /docs/api and GET /docs/api/{topic}: the documentation of the API.
// The pages are public, because their contents come from the program, not from the policy or
// the store.
func (s *Server) apiReference(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("topic")
	if !slices.Contains(templates.APITopics(), name) {
		return errNoPage
	}
	page := templates.APIPage{
		Topic: name, Shell: s.shell(r), Document: documentPath, Jobs: jobsPath, Mode: string(s.Mode), Webhooks: webhookPath,
		Access: accountPath + "/preflight", Presets: presetsPath, Batches: batchesPath, Bodies: map[param.SourceType]string{},
		Filters: filters(), Problems: problemKinds(), Limits: templates.APILimits{
			Body: maxBody, Address: maxURL, Key: maxKey, KeyDays: keyDays,
			Wait: int(longestWait / time.Second), Rows: mostRows, Usual: historyPage,
		},
	}
	for _, source := range param.SourceTypes {
		body, err := exampleBody(source)
		if err != nil {
			return err
		}
		page.Bodies[source] = body
	}
	for i, g := range gates() {
		page.Gates = append(page.Gates, templates.Snippet{
			Title: g.Title,
			ID:    fmt.Sprint("gate-", i+1),
			File:  g.File,
			Code:  g.Code,
		})
	}
	for _, list := range candidateLists {
		page.Lists = append(page.Lists, templates.CandidateList{
			Path:  accountPath + "/" + string(list.kind),
			Title: list.title,
			About: list.about,
		})
	}
	page.Commands = commands(s.origin(r), page.Bodies[param.UDMECS], s.Mode != auth.ModeDemo)
	var err error
	if page.Answer, err = indented(answersToShow["running"]); err != nil {
		return err
	}
	if page.Wrong, err = twoMistakes(templates.Language(r.Context())); err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.API(page))
}

// originPattern is the form of an origin without any character that is special to a POSIX shell.
const originPattern = `https?://[A-Za-z0-9.:\[\]-]+`

// origin returns the portal's origin for commands that people paste into a shell: the
// configured one or, on loopback, the host of r. Any other Host header could contain a shell
// command, so a placeholder is used instead.
func (s *Server) origin(r *http.Request) string {
	origin := s.Origin
	if origin == "" && OnLoopback(r.Host) {
		origin = "http://" + r.Host
	}
	if !pattern.Match(originPattern, origin) {
		return "https://backup.example.com"
	}
	return origin
}

// needToken is a shell statement that ends the script with a message if TOKEN is not set.
const needToken = `: "${TOKEN:?set TOKEN to your token}"` + "\n"

// commands returns the curl commands of the page. They work one after the other in one POSIX shell.
// With token, they need a token in the variable TOKEN and send it.
func commands(origin, body string, token bool) templates.Commands {
	setup, sender := "PORTAL="+origin+"\n", ""
	if token {
		setup, sender = setup+needToken, ` -H "Authorization: Bearer $TOKEN"`
	}
	curl := "curl -sS" + sender + " "
	jobs, accounts := `"$PORTAL`+jobsPath, `"$PORTAL`+strings.Replace(accountPath, "{alias}", "demo", 1)
	post := func(query string) string {
		return curl + jobs + query + "\" \\\n  -H 'Content-Type: application/json' \\\n" +
			"  -H 'Idempotency-Key: " + exampleKey + "' \\\n  -d '" + body + "'\n"
	}
	return templates.Commands{
		Who:    setup + curl + jobs + "?Whose=mine\"\n",
		Create: post(""),
		DryRun: post("?dry_run=true"),
		Show: "ID=$(" + curl + jobs + `?Whose=mine&limit=1" | sed 's/.*"SubmissionId":"\([^"]*\)".*/\1/')` + "\n" +
			curl + jobs + "/$ID\"\n",
		Wait:    curl + jobs + fmt.Sprintf("/$ID?wait=%.0fs\"\n", longestWait.Seconds()),
		List:    curl + jobs + "?Status=FAILED,PARTIAL_COMPLETE&From=2026-11-01&limit=10\"\n",
		Cancel:  curl + "-X POST " + jobs + "/$ID/cancel\"\n",
		Presets: curl + `"$PORTAL` + presetsPath + "\"\n",
		Batch: curl + `"$PORTAL` + batchesPath + "?dry_run=true\" \\\n  -H 'Content-Type: application/json' -H 'Idempotency-Key: release-42' \\\n" +
			`  -d '{"Account":"demo","Region":"cn-hangzhou","Retention":7,"Targets":["i-bp1demoweb01","i-bp1demoweb02"],"FirstBatch":1}'` + "\n",
		Preflight:  curl + accounts + "/preflight?Region=cn-hangzhou\"\n",
		Candidates: curl + accounts + "/instances?Region=cn-hangzhou&Search=web\"\n",
		Webhook: `curl -sS "$PORTAL/webhooks/$SOURCE" -H "Authorization: Bearer $SOURCE_TOKEN"` + " \\\n" +
			"  -H 'Content-Type: application/json' \\\n  -H 'Idempotency-Key: alert-42' \\\n" +
			`  -d '{"status":"firing","instance":"i-bp1demoweb01"}'` + "\n",
	}
}

// exampleBody returns the example submission for one source type as JSON.
func exampleBody(source param.SourceType) (string, error) {
	example, _ := examples()[string(source)].(doc)
	return indented(example["value"])
}

// twoMistakes returns the problem document for a submission with two mistakes.
func twoMistakes(l param.Language) (string, error) {
	err := param.Params{"Account": "demo", "Region": "cn-hangzhou", "InstanceId": "web-01", "Retention": "0"}.Validate()
	return indented(problemOf(faultOf(err), err, l))
}

// indented returns v as JSON with indentation.
func indented(v any) (string, error) {
	text, err := jsontext.MarshalIndent(v)
	return string(text), err
}

// problemKinds returns the kinds of problems from the table of errors, each once, sorted by status.
func problemKinds() []templates.ProblemKind {
	all := append(slices.Clone(faults), invalid, internalFault, refusedByCaller, refusedForOperator)
	slices.SortStableFunc(all, func(a, b fault) int { return a.status - b.status })
	var kinds []templates.ProblemKind
	for _, f := range all {
		f = f.forPrograms()
		i := slices.IndexFunc(kinds, func(k templates.ProblemKind) bool { return k.Name == f.name })
		if i < 0 {
			kinds = append(kinds, templates.ProblemKind{Name: f.name})
			i = len(kinds) - 1
		}
		if !slices.Contains(kinds[i].Statuses, f.status) {
			kinds[i].Statuses = append(kinds[i].Statuses, f.status)
		}
		for _, text := range []param.Text{f.title, f.detail} {
			if !slices.Contains(kinds[i].Texts, text) {
				kinds[i].Texts = append(kinds[i].Texts, text)
			}
		}
	}
	return kinds
}

// filterWords explains the query parameters of the list of submissions, for the API reference.
var filterWords = map[string]templates.Filter{
	"Search": {
		Example: "web01",
		Meaning: param.Text{En: "A part of the name or the ID of the instance or cluster, of the requested name, of a volume's name or of the sender", Zh: "实例或集群的名称或 ID、任务名称、存储卷名称或发起人的一部分"},
	},
	"Whose": {
		Example: "mine",
		Meaning: param.Text{En: "`mine`: backups that you submitted; `all` or no value: all backups that you are allowed to view", Zh: "`mine`：您提交的备份；`all` 或不填：您有权查看的所有备份"},
	},
	"Status": {
		Example: "FAILED,PARTIAL_COMPLETE",
		Meaning: param.Text{En: "Values of `Status`, separated by commas", Zh: "`Status` 的值，以逗号分隔"},
	},
	"Account":    {Example: "demo", Meaning: param.Text{En: "The alias of an account", Zh: "账号别名"}},
	"SourceType": {Example: "UDM_ECS", Meaning: param.Text{En: "The type of backup", Zh: "数据源类型"}},
	"InstanceId": {
		Example: "i-bp1demoweb01",
		Meaning: param.Text{En: "The instance, or the cluster of a container backup", Zh: "实例，或容器备份的集群"},
	},
	"From": {
		Example: "2026-11-01",
		Meaning: param.Text{En: "Submitted on this day or later, or at this time or later (RFC 3339)", Zh: "在此日期或之后、此时间（RFC 3339）或之后提交"},
	},
	"To": {
		Example: "2026-11-23T09:00:00Z",
		Meaning: param.Text{En: "Submitted on this day or earlier, or before this time; a + is written %2B", Zh: "在此日期或之前，或此时间之前提交；+ 须写作 %2B"},
	},
	"limit": {Example: "100", Meaning: param.Text{En: "Number of submissions in an answer", Zh: "每次返回的提交数"}},
	"before": {
		Example: "1795424700000.k7v2m4q5t3x6c5n2b6h4d2f4ja",
		Meaning: param.Text{En: "`Next` of the previous answer; it stays valid when new backups are submitted", Zh: "上一次应答中的 `Next`；期间有新的提交也一直有效"},
	},
}

// filters returns the query parameters of the list in their order.
func filters() []templates.Filter {
	var all []templates.Filter
	for _, name := range append(slices.Clone(filterNames), "limit", "before") {
		f := filterWords[name]
		f.Name = name
		all = append(all, f)
	}
	return all
}
