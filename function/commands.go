package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// A command does one task for an operator and ends.
type command struct {
	name  string                                     // one or two words, as they are typed
	usage string                                     // one line for the list of commands
	run   func(args []string, env environment) error // args follow the name
}

// commands lists the commands in the order of the help text. Every name is unique.
var commands = []command{
	{"policy init", "write a first policy from flags or questions", initPolicy},
	{"policy check", "check a policy file; print its hash", checkPolicy},
	{"policy explain", "show which policy rule allows a request, or why each rule does not", explainPolicy},
	{"policy diff", "decide the requests of the history by two policies; print what would change", diffPolicies},
	{"notify test", "send a marked test message to a receiver", testReceiver},
	{"webhook try", "show what a message would ask for and how the policy decides", tryWebhook},
	{"ram-policy", "print the RAM policies that this deployment needs", printRAMPolicies},
	{"token new", "create a token for a program; print its policy entry", newToken},
	{"audit verify", "check that the audit trail is complete and unchanged", verifyAudit},
	{"smoke", "check a portal after its deployment", checkPortal},
	{"migrate", "update the database schema", migrate},
	{"doctor", "examine what the deployment needs; name what is missing", examine},
	{"health", "ask whether the portal on this machine answers", askHealth},
	{"version", "print the version of this program", printVersion},
}

// runCommand runs the command whose name starts args; args is not empty. A request for help, before
// or after the name, prints the help text and is not an error. An unknown command is a usageError.
func runCommand(args []string, env environment) error {
	if isHelp(args[0]) {
		return printHelp(env.out)
	}
	for _, c := range commands {
		words := strings.Fields(c.name)
		if len(args) < len(words) || strings.Join(args[:len(words)], " ") != c.name {
			continue
		}
		err := c.run(args[len(words):], env)
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if group := args[0] + " "; len(args) > 1 && isHelp(args[1]) || len(args) == 1 {
		for _, c := range commands {
			if strings.HasPrefix(c.name, group) && len(args) > 1 {
				return printHelp(env.out)
			}
		}
	}
	return usageError{fmt.Errorf("unknown command %q: -h lists the commands; without a command, the portal runs as a server", strings.Join(args, " "))}
}

// isHelp reports whether arg asks for help.
func isHelp(arg string) bool {
	return arg == "help" || arg == "-h" || arg == "-help" || arg == "--help"
}

// printHelp writes the list of commands.
func printHelp(out io.Writer) error {
	var b strings.Builder
	b.WriteString("Without a command, the portal runs as a server. Commands:\n\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-15s %s\n", c.name, c.usage)
	}
	b.WriteString("\nCOMMAND -h describes a command.\n")
	_, err := io.WriteString(out, b.String())
	return err
}
