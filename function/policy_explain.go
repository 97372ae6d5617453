package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
)

const explainUsage = `policy explain shows the decision of the policy and the reason: the rule that allows the request, or why each rule does not.

  policy explain -as 248289761001 -groups payments-oncall -account prod -region cn-hangzhou -instance i-bp1… -retention 7
  policy explain -as 248289761001 -preset before-release -account prod -region cn-hangzhou -instance i-bp1…
  policy explain -event timer -account prod -region cn-hangzhou -instance i-bp1… -tags team=web,stage=prod
  policy explain -source ci-payments -action backup.view Account=prod Region=cn-hangzhou InstanceId=i-bp1…

The exit code is 0 if the request is allowed, 1 if it is not, and 2 if the arguments are invalid.`

// errRefused is the error of "policy explain" and "webhook try" if the request is not allowed. The
// exit code is then 1.
var errRefused = errors.New("the request is not allowed")

// explainPolicy is the command "policy explain". It prints for each rule of the policy whether the
// rule allows the request. For an allowed backup it then prints the values and limits that the
// grant adds.
//
// The error is errRefused if no rule allows the request, and a usageError if the policy or the
// arguments cannot be used.
func explainPolicy(args []string, env environment) error {
	q, err := readQuestion(args, app.PolicyFile(env.getenv), env.out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return usageError{err}
	}
	p, err := app.LoadPolicy(q.file, env.getenv)
	if err != nil {
		return usageError{err}
	}
	if issuers := p.Issuers(); q.who.Kind == identity.KindHuman && q.who.Issuer == "" {
		if len(issuers) != 1 {
			return usageError{fmt.Errorf("-issuer is required: the policy has %d issuers", len(issuers))}
		}
		q.who.Issuer = issuers[0]
	}
	return q.answer(p, env.out)
}

// A question is a request about which the policy decides.
type question struct {
	file   string             // path of the policy
	who    identity.Principal // explainPolicy sets a missing Issuer from the policy
	do     backup.Action
	params param.Params
	tags   map[string]string // tags of the instance; nil means unknown
}

// readQuestion parses the arguments of "policy explain". A parameter of the API is given as a flag,
// or as Name=value after the flags. file is the default of -file. The error is [flag.ErrHelp] for
// -h.
func readQuestion(args []string, file string, out io.Writer) (question, error) {
	q := question{params: param.Params{}}
	flags := newFlags("policy explain", explainUsage, out)
	flags.StringVar(&q.file, "file", file, "the `policy`")
	as := flags.String("as", "", "a person, by their `subject`; with issuer#subject the issuer too")
	issuer := flags.String("issuer", "", "issuer of the person; not required if the policy has only one")
	groups := flags.String("groups", "", "groups of the person, separated by commas")
	flags.StringVar(&q.who.Email, "email", "", "verified email address of the person")
	source := flags.String("source", "", "a source, by its `name`")
	event := flags.String("event", "", "an event, by its `kind`")
	tags := flags.String("tags", "", "tags of the instance, as key=value, separated by commas; the cloud is not queried")
	action := flags.String("action", string(backup.ActionCreate), "backup.create, backup.view or backup.cancel")
	named := map[string]*string{}
	for _, f := range []struct{ flag, parameter string }{
		{"account", "Account"},
		{"region", "Region"},
		{"source-type", "SourceType"},
		{"instance", "InstanceId"},
		{"cluster", "ContainerClusterId"},
		{"vault", "VaultId"},
		{"retention", "Retention"},
		{"preset", "Preset"},
	} {
		named[f.parameter] = flags.String(f.flag, "", "the same as "+f.parameter+"=")
	}
	if err := flags.Parse(args); err != nil {
		return q, err
	}
	for name, value := range named {
		if *value != "" {
			q.params[name] = *value
		}
	}
	for _, arg := range flags.Args() {
		name, value, ok := strings.Cut(arg, "=")
		if _, known := param.FieldNamed(name); !ok || !known {
			return q, fmt.Errorf("%q is not of the form PARAMETER=VALUE", arg)
		}
		q.params[name] = value
	}
	if *groups != "" {
		q.who.Groups = strings.Split(*groups, ",")
	}
	var err error
	if q.tags, err = readTags(*tags); err != nil {
		return q, err
	}
	q.do = backup.Action(*action)
	return q, q.identify(*as, *issuer, *source, *event)
}

// readTags parses tags in the form key=value, separated by commas. An empty text means that the tags are not
// known; the result is then nil.
func readTags(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	tags := map[string]string{}
	for tag := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(tag, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not of the form TAG=VALUE", tag)
		}
		tags[key] = value
	}
	return tags, nil
}

// identify sets the principal of q. It returns an error unless exactly one of as, source and event
// is set, or if the action of q does not exist.
func (q *question) identify(as, issuer, source, event string) error {
	switch {
	case as != "" && source == "" && event == "":
		q.who.Kind, q.who.Issuer, q.who.Subject = identity.KindHuman, issuer, as
		if before, subject, both := strings.Cut(as, "#"); both {
			q.who.Issuer, q.who.Subject = before, subject
		}
	case as == "" && source != "" && event == "":
		q.who.Kind, q.who.Subject = identity.KindSource, source
	case as == "" && source == "" && event != "":
		q.who.Kind, q.who.Subject = identity.KindEvent, "event:"+event
	default:
		return errors.New("set one of -as, -source and -event")
	}
	for _, known := range backup.Actions {
		if q.do == known {
			return nil
		}
	}
	return fmt.Errorf("unknown action %q: use backup.create, backup.view or backup.cancel", q.do)
}

// tagged returns a copy of p that uses the tags of q for the instance and does not ask the cloud. If
// the tags are not known, it returns p.
func (q question) tagged(p *policy.Policy) *policy.Policy {
	if q.tags == nil {
		return p
	}
	return p.Tagged(func(context.Context, backup.Target, []string) (map[string]map[string]string, error) {
		return map[string]map[string]string{q.params["InstanceId"]: q.tags}, nil
	}, time.Now)
}

// answer writes the decision of p: a line for each rule and, for an allowed backup, the grant. The
// error is errRefused if the policy does not allow the request.
func (q question) answer(p *policy.Policy, out io.Writer) error {
	ctx := context.Background()
	p = q.tagged(p)
	teams := strings.Join(p.Teams(q.who), ", ")
	if teams == "" {
		teams = "none"
	}
	fmt.Fprintf(out, "who    %s %s, teams: %s\nwhat   %s\n", q.who.Kind, q.who.ID(), teams, q.do)
	if name := q.params["Preset"]; name != "" {
		given, err := backup.WithPreset(p.Presets(q.who), q.params)
		if bad, ok := errors.AsType[param.InvalidError](err); ok {
			for _, m := range bad {
				fmt.Fprintf(out, "DENY   %s: %s\n", m.Field, m.In(param.English))
			}
			return errRefused
		}
		writePreset(out, q.params, given)
		q.params = given
	}
	allowed := false
	for _, v := range p.Explain(ctx, q.who, q.do, q.params) {
		subject, field := "rule "+v.Rule, ""
		if v.Rule == "" {
			subject = "policy"
		}
		if v.Field != "" {
			field = v.Field + ": "
		}
		if v.Allows && !allowed {
			allowed = true
			fmt.Fprintf(out, "ALLOW  %s\n", subject)
		} else if v.Allows {
			fmt.Fprintf(out, "allow  %s, which also allows it\n", subject)
		} else {
			fmt.Fprintf(out, "-      %s: %s%s\n", subject, field, v.Because)
		}
	}
	if !allowed {
		fmt.Fprintln(out, "DENY   no rule allows the request")
		return errRefused
	}
	if q.do == backup.ActionCreate {
		grant, _ := p.Decide(ctx, q.who, q.params)
		writeGrant(out, grant)
	}
	return nil
}

// writePreset writes the values that a preset adds to a request. given are the parameters without
// the preset, with are those with it.
func writePreset(out io.Writer, given, with param.Params) {
	for _, f := range param.Fields {
		if value := with[f.Name]; value != "" && given[f.Name] == "" {
			fmt.Fprintf(out, "preset %s=%s\n", f.Name, value)
		}
	}
}

// writeGrant writes what a grant adds: values and limits.
func writeGrant(out io.Writer, g backup.Grant) {
	for _, f := range param.Fields {
		if value := g.Values[f.Name]; value != "" {
			fmt.Fprintf(out, "given  %s=%s\n", f.Name, value)
		}
	}
	if g.Cooldown > 0 {
		fmt.Fprintf(out, "limit  1 backup of this resource in %s\n", param.Duration(g.Cooldown).En)
	}
	for _, r := range g.Rates {
		fmt.Fprintf(out, "limit  %d backups in %s for %s\n", r.Burst, param.Duration(r.Per).En, r.Key)
	}
	for _, quota := range g.Quotas {
		fmt.Fprintf(out, "limit  %d backups a day for %s\n", quota.Day, quota.Key)
	}
}
