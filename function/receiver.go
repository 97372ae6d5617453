package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"backupportal/function/app"
	"backupportal/function/backup"
)

const notifyUsage = `notify test [-file FILE] NAME

Sends a test message to the receiver NAME of the policy, at once and only once, with the environment variables of the portal. The
message says that it is a test. The page Notifications has a button that does the same; it also writes an audit record.

The exit code is 0 if the receiver confirmed the message, 1 if it did not, and 2 if the policy cannot be used.`

// testTime is the time limit of a test message, including DNS, the connection and the receiver's answer.
const testTime = 10 * time.Second

// testReceiver is the command "notify test". The error is a usageError if the policy cannot be used or has no such
// receiver; any other error means that the receiver did not confirm the message.
func testReceiver(args []string, env environment) error {
	flags := newFlags("notify test", notifyUsage, env.out)
	file := flags.String("file", app.PolicyFile(env.getenv), "the `policy`")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	sender, err := app.LoadSender(*file, env.getenv)
	if err != nil {
		return usageError{err}
	}
	if sender == nil {
		return usageError{fmt.Errorf("%s: the policy names no receiver under notifications", *file)}
	}
	name := flags.Arg(0)
	if !slices.Contains(sender.All(), name) {
		return usageError{fmt.Errorf("the policy has no receiver %q: use one of %s", name, strings.Join(sender.All(), ", "))}
	}
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	defer cancel()
	if err := sender.Send(ctx, backup.NewTestNotice(name, "notify test", rand.Text(), time.Now())); err != nil {
		return errors.Join(err, errors.New("correct the URL or the secret of the receiver, or the route to it; doctor examines the connection"))
	}
	_, err = fmt.Fprintf(env.out, "%s confirmed the test message\n", name)
	return err
}
