package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"backupportal/function/app"
)

const doctorUsage = `doctor [-platform NAME] [-skip SUBJECTS]

Examines what the deployment needs, with the environment variables of the portal: variables, policy, database, clock,
credentials, permissions, sign-in, pipelines and receivers. Names what is missing and what to do. It changes nothing: it
makes no backup, sends no message and does not update the schema. The calls of the cloud are those of “Check access”.

  doctor
  doctor -platform fc -skip credentials,permissions

The exit code is 0 if nothing failed, 1 if something did, and 2 if the command line is invalid.`

// errUnwell is the error of the command "doctor" if at least one finding has failed. The exit code is then 1.
var errUnwell = errors.New("something that the deployment needs is missing")

// doctorTime is the time limit of the whole command.
const doctorTime = 5 * time.Minute

// platformVariables maps the names of -platform to the environment variables by which package app recognizes the
// platform. The plain server is the platform if none of these variables is set.
var platformVariables = map[string]string{
	"fc": "FC_RUNTIME_API", "custom": "FC_FUNCTION_NAME", "lambda": "AWS_LAMBDA_RUNTIME_API", "server": "",
}

// examine is the command "doctor". The errors are errUnwell, and a usageError for an invalid command line.
func examine(args []string, env environment) error {
	flags := newFlags("doctor", doctorUsage, env.out)
	platform := flags.String("platform", "", "the `name` of the platform whose rules hold: fc, custom, lambda or server; if it is not set, that of the environment")
	skip := flags.String("skip", "", "`subjects` that are not examined, separated by commas")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	doctor := app.Doctor{Getenv: env.getenv}
	if *platform != "" {
		own, ok := platformVariables[*platform]
		if !ok {
			return usageError{fmt.Errorf("unknown platform %q: use fc, custom, lambda or server", *platform)}
		}
		doctor.Getenv = on(own, env.getenv)
	}
	if *skip != "" {
		for name := range strings.SplitSeq(*skip, ",") {
			if !slices.Contains(app.Subjects, app.Subject(name)) {
				return usageError{fmt.Errorf("unknown subject %q: use some of %v", name, app.Subjects)}
			}
			doctor.Skip = append(doctor.Skip, app.Subject(name))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), doctorTime)
	defer cancel()
	return writeFindings(doctor.Examine(ctx), env.out)
}

// on returns a copy of getenv that reports another platform: of all platformVariables, only own is set. An empty own
// is the plain server. Other variables have their values of getenv.
func on(own string, getenv func(string) string) func(string) string {
	return func(name string) string {
		for _, variable := range platformVariables {
			if name == variable && name == own {
				return "doctor"
			}
			if name == variable {
				return ""
			}
		}
		return getenv(name)
	}
}

// writeFindings writes one line for each finding. Below a failed finding it writes what to do. The error is errUnwell
// if a finding has failed, otherwise that of out.
func writeFindings(all []app.Finding, out io.Writer) error {
	failed := 0
	for _, f := range all {
		fmt.Fprintf(out, "%-11s  %-11s  %s\n", f.State, f.Subject, indent(f.What, 26))
		if f.State != app.FindingFailed {
			continue
		}
		failed++
		for _, do := range f.Do {
			fmt.Fprintf(out, "%26s%s\n", "", "do: "+indent(do, 30))
		}
	}
	if failed > 0 {
		return fmt.Errorf("%w: %d findings", errUnwell, failed)
	}
	_, err := fmt.Fprintln(out, "nothing is missing")
	return err
}

// indent returns text with its second and further lines indented by column spaces. The first line is not indented,
// because the caller writes it at that column.
func indent(text string, column int) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+strings.Repeat(" ", column))
}
