package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/webhook"
)

const tryUsage = `webhook try [-policy FILE] [-tags TAGS] SOURCE FILE

Shows what the message in FILE (- is standard input) would ask for, if the sender SOURCE of the policy sent it, and how the policy
decides. It starts nothing and calls nothing: the message needs no signature, and limits and earlier messages do not count.

The exit code is 0 if the message would start a backup, 1 if it would not, and 2 if the input cannot be used.`

// maxTried is the number of bytes of the message that are read. The rest is ignored.
const maxTried = 32 << 20

// tryWebhook is the command "webhook try". The error is errRefused if the message would start no backup, and a
// usageError if the policy, the flags or the message cannot be used.
func tryWebhook(args []string, env environment) error {
	flags := newFlags("webhook try", tryUsage, env.out)
	file := flags.String("policy", app.PolicyFile(env.getenv), "the `policy`")
	tags := flags.String("tags", "", "`tags` of the instance, as key=value, separated by commas; the cloud is not queried")
	if err := parse(flags, args, 2); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return usageError{errors.New("webhook try needs a source and a file; -h shows the usage")}
	}
	p, err := app.LoadPolicy(*file, env.getenv)
	if err != nil {
		return usageError{err}
	}
	source, ok := p.Source(flags.Arg(0))
	if !ok {
		return usageError{fmt.Errorf("the policy has no source of webhooks %q", flags.Arg(0))}
	}
	q := question{who: identity.Principal{Kind: identity.KindSource, Subject: source.Name, Name: source.Name}, do: backup.ActionCreate}
	if q.tags, err = readTags(*tags); err != nil {
		return usageError{err}
	}
	message := env.in
	if name := flags.Arg(1); name != "-" {
		opened, err := os.Open(name)
		if err != nil {
			return usageError{err}
		}
		defer opened.Close()
		message = opened
	}
	values, err := webhook.Read(source, io.LimitReader(message, maxTried))
	if err != nil {
		return usageError{err}
	}
	q.params, err = writeAsked(values, env.out)
	if err != nil {
		return err
	}
	if err := q.answer(p, env.out); err != nil {
		return err
	}
	if err := checkComplete(q, p, env.out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.out, "the message would start a backup, unless a limit is reached or an earlier message has its id")
	return err
}

// writeAsked computes the parameters of the submission that a message asks for. It writes them to out and returns
// them. If the message would start no backup, it also writes the reason, and the error is errRefused.
func writeAsked(values webhook.Values, out io.Writer) (param.Params, error) {
	asked, err := values.Submission()
	if errors.Is(err, webhook.ErrNothing) {
		fmt.Fprintln(out, "NOTHING  a condition under when does not hold, so the message starts no backup; the sender gets status 204")
		return nil, errRefused
	}
	var params param.Params
	if err == nil {
		params, _, err = param.DecodeJSON(asked)
	}
	for _, f := range param.Fields {
		if value := params[f.Name]; value != "" {
			fmt.Fprintf(out, "asks   %s=%s\n", f.Name, param.Clean(value, 200))
		}
	}
	return params, explainMistakes(err, out)
}

// checkComplete checks the complete parameters of q: they include the values of its preset, the values that the
// allowing rule adds, and the defaults. If they are not valid, it writes the mistakes to out, and the error is
// errRefused.
func checkComplete(q question, p *policy.Policy, out io.Writer) error {
	given := q.params
	if given["Preset"] != "" {
		var err error
		if given, err = backup.WithPreset(p.Presets(q.who), given); err != nil {
			return explainMistakes(err, out)
		}
	}
	grant, _ := q.tagged(p).Decide(context.Background(), q.who, given)
	complete := maps.Clone(given)
	for name, value := range grant.Values {
		if complete[name] == "" {
			complete[name] = value
		}
	}
	return explainMistakes(complete.WithDefaults().WithFittingName().Validate(), out)
}

// explainMistakes writes the mistakes in err to out, one on each line, and returns errRefused. It returns nil if err
// is nil.
func explainMistakes(err error, out io.Writer) error {
	if err == nil {
		return nil
	}
	bad, ok := errors.AsType[param.InvalidError](err)
	for _, m := range bad {
		fmt.Fprintf(out, "WRONG  %s: %s\n", m.Field, m.In(param.English))
	}
	if !ok {
		fmt.Fprintln(out, "WRONG  "+strings.TrimPrefix(err.Error(), "webhook: "))
	}
	return errRefused
}
