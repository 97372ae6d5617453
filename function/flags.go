package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// An environment is what a command reads and writes.
type environment struct {
	getenv func(string) string
	in     io.Reader
	out    io.Writer
}

// A usageError is a command line that cannot be understood. The program then
// ends with status 2.
type usageError struct{ error }

// Unwrap returns the error it wraps.
func (e usageError) Unwrap() error { return e.error }

// newFlags returns the flags of a command. Its help text is usage, then the flags.
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

// parse reads args and allows at most most arguments that are no flags. Its
// error is [flag.ErrHelp] or a usageError.
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
