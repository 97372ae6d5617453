package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"backupportal/function/policy"
)

const initUsage = `policy init [FLAGS] [FILE]

Writes a first policy to FILE, policy.yaml by default, and checks it. Values that no flag gives are asked for. An existing
file is not changed. The policy has one account, one team and one rule for backups of whole instances.

  policy init -account 1234567890123456 -regions cn-hangzhou -issuer https://sso.example.com -member group:oncall \
    -instances i-bp1aaaaaaaaaaaaaaaa1 -days 1-30`

// An initQuestion asks for one value of a first policy.
type initQuestion struct {
	flag    string                             // name of the flag that answers the question
	ask     string                             // the question, and the help text of the flag
	usual   string                             // the answer if the person presses Enter; empty: an answer is required
	skipped func(given map[string]string) bool // after these answers no value is needed; nil: always needed
	problem func(value string) string          // what is wrong with a value, "" if valid; nil: all are valid
}

// initQuestions lists the questions in their order. problem finds only typing mistakes, so that the person can
// correct them at once. [policy.Load] then checks the whole policy.
var initQuestions = []initQuestion{
	{flag: "account", ask: "ID of the Alibaba Cloud account in which the portal runs, 16 digits", problem: digits},
	{flag: "alias", ask: "name of this account in the portal", usual: "main"},
	{flag: "regions", ask: "regions, separated by commas, such as cn-hangzhou"},
	{flag: "member", ask: "who may make backups: group:NAME, email_domain:NAME or subject:ID of people, source:NAME of a program, or event:KIND", problem: memberProblem},
	{flag: "issuer", ask: "URL of the identity provider, exactly as in its tokens (OIDC_ISSUER)", skipped: func(given map[string]string) bool { return !isPerson(given["member"]) }},
	{flag: "instances", ask: "instances that they may back up: IDs separated by commas, or any"},
	{flag: "days", ask: "for how many days a backup may be kept: MIN-MAX", usual: "1-30", problem: daysProblem},
}

// digits is the initQuestion.problem of an account id.
func digits(value string) string {
	if len(value) != 16 || strings.Trim(value, "0123456789") != "" {
		return "write 16 digits"
	}
	return ""
}

// memberKinds has the kinds of members of a team. The value is true for people: an identity provider signs them in,
// so the policy also needs the issuer.
var memberKinds = map[string]bool{"group": true, "email_domain": true, "subject": true, "source": false, "event": false}

// isPerson reports whether a member, in the form KIND:NAME, needs an issuer.
func isPerson(member string) bool {
	kind, _, _ := strings.Cut(member, ":")
	return memberKinds[kind]
}

// memberProblem is the initQuestion.problem of a member.
func memberProblem(value string) string {
	kind, name, _ := strings.Cut(value, ":")
	if _, known := memberKinds[kind]; !known || name == "" {
		return "write group:NAME, email_domain:NAME, subject:ID, source:NAME or event:KIND"
	}
	return ""
}

// daysProblem is the initQuestion.problem of an interval of days. It does not compare the two numbers.
func daysProblem(value string) string {
	least, most, ok := strings.Cut(value, "-")
	if !ok || least == "" || most == "" || strings.Trim(least+most, "0123456789") != "" {
		return "write two whole numbers, such as 1-30"
	}
	return ""
}

// initPolicy is the command "policy init". It writes the file only if the policy is valid. The error is a usageError
// if the file exists, or if a value is missing or invalid.
func initPolicy(args []string, env environment) error {
	flags := newFlags("policy init", initUsage, env.out)
	values := map[string]*string{}
	for _, q := range initQuestions {
		values[q.flag] = flags.String(q.flag, "", q.ask)
	}
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	file := cmp.Or(flags.Arg(0), "policy.yaml")
	if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
		return usageError{fmt.Errorf("%s exists already: name another file", file)}
	}
	given := map[string]string{}
	for name, value := range values {
		given[name] = *value
	}
	if err := askMissing(given, env); err != nil {
		return err
	}
	text := firstPolicy(given)
	if _, err := policy.Load([]byte(text), env.getenv); err != nil {
		return usageError{fmt.Errorf("these values make no valid policy, and nothing was written:\n%w", err)}
	}
	if err := writeNew(file, text); err != nil {
		return err
	}
	_, err := fmt.Fprintf(env.out, "wrote %s\nNext: policy check %[1]s, and policy explain -file %[1]s to see a decision. docs/policy.example.yaml explains further keys.\n", file)
	return err
}

// writeNew creates a file with a text. It returns an error if the file exists.
func writeNew(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// askMissing adds the missing values to given: it writes each question to the output and reads the answer from the
// input. It asks again if an answer is invalid. If the input ends, it uses the usual answers.
//
// The error is a usageError: for an invalid value in given, and for a missing value without a usual answer if the
// input has ended.
func askMissing(given map[string]string, env environment) error {
	answers := bufio.NewScanner(env.in)
	for _, q := range initQuestions {
		if q.skipped != nil && q.skipped(given) {
			continue
		}
		problem := func(value string) string {
			if q.problem == nil {
				return ""
			}
			return q.problem(value)
		}
		if value := given[q.flag]; value != "" {
			if what := problem(value); what != "" {
				return usageError{fmt.Errorf("-%s %s: %s", q.flag, value, what)}
			}
			continue
		}
		for given[q.flag] == "" {
			suggestion := ""
			if q.usual != "" {
				suggestion = " [" + q.usual + "]"
			}
			fmt.Fprintf(env.out, "%s%s: ", q.ask, suggestion)
			more := answers.Scan()
			value := cmp.Or(strings.TrimSpace(answers.Text()), q.usual)
			if !more && value == "" {
				fmt.Fprintln(env.out)
				return usageError{fmt.Errorf("-%s is required: %s", q.flag, q.ask)}
			}
			if !more {
				fmt.Fprintln(env.out)
			}
			if what := problem(value); what != "" {
				fmt.Fprintln(env.out, what)
				continue
			}
			given[q.flag] = value
		}
	}
	return nil
}

// firstPolicy returns the YAML text of a policy with the given values, by the flags of initQuestions.
func firstPolicy(given map[string]string) string {
	kind, name, _ := strings.Cut(given["member"], ":")
	member := fmt.Sprintf("{%s: %q}", kind, name)
	if isPerson(given["member"]) {
		member = fmt.Sprintf("{issuer: %q, %s: %q}", given["issuer"], kind, name)
	}
	list := func(text string) string {
		var items []string
		for item := range strings.SplitSeq(text, ",") {
			items = append(items, fmt.Sprintf("%q", strings.TrimSpace(item)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	instances := "instances: " + list(given["instances"])
	if given["instances"] == "any" {
		instances = "any_instance: true"
	}
	least, most, _ := strings.Cut(given["days"], "-")
	return fmt.Sprintf(`# The policy: who may back up what. policy init wrote it; docs/policy.example.yaml explains every key, and
# docs/policy.schema.json describes them to editors. A backup that no rule allows is refused.
version: 1
enabled: true # false stops all new backups

defaults:
  cooldown: 15m # the minimum time between two backups of one instance
  rate: {burst: 5, per: 1h} # each person or program may start 5 backups in an hour

accounts:
  - alias: %[1]q
    enabled: true
    account_id: %[2]q
    access: own # the account in which the portal runs
    regions: %[3]s

teams:
  - name: first-team
    members:
      - %[4]s

rules:
  - id: first-rule # recorded with every backup that the rule allows
    teams: [first-team]
    actions: [backup.create, backup.view, backup.cancel]
    accounts: [%[1]q]
    regions: %[3]s
    source_types: [UDM_ECS] # whole instances
    %[5]s
    retention_days: {min: %[6]s, max: %[7]s}

operators: [first-team] # may view the rejected messages of all senders
`, given["alias"], given["account"], list(given["regions"]), member, instances, least, most)
}
