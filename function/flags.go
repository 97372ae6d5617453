package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// An environment is everything that a command reads and writes: variables, input and output.
// Tests replace it.
type environment struct {
	getenv func(string) string // returns an empty text for an unset variable
	in     io.Reader           // standard input
	out    io.Writer           // standard output
}

// A usageError means that the command line, or an input that it names, cannot be used. The program
// then exits with status 2.
type usageError struct{ error }

// Unwrap returns the wrapped error.
func (e usageError) Unwrap() error { return e.error }

// newFlags returns the flag set of a command. Its help text is usage followed by the flags, written
// to out.
func newFlags(name, usage string, out io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprintln(out, strings.TrimSpace(usage))
		fmt.Fprintln(out)
		flags.PrintDefaults()
	}
	return flags
}

// parse parses the arguments of a command, of which at most most may be no flags. Its error is
// [flag.ErrHelp] or a usageError.
func parse(flags *flag.FlagSet, args []string, most int) error {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return usageError{err}
	case flags.NArg() > most:
		return usageError{fmt.Errorf("%s: unexpected argument %q; -h shows the usage", flags.Name(), flags.Arg(most))}
	}
	return nil
}
