package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"backupportal/function/pattern"
)

// longestToken is the longest validity of a token, in days.
const longestToken = 730

// sourcePattern is the form of the name of a source or a token.
const sourcePattern = `[a-z][a-z0-9-]{0,62}`

const tokenUsage = `token new -source NAME [-id NAME] [-days N]

Creates a token for a program. Prints the token once, with the policy entry that accepts it.`

// newToken is the command "token new". It makes a random token and prints it once, with the policy
// entry that contains only its hash. It stores nothing.
func newToken(args []string, env environment) error {
	return printToken(args, time.Now(), env.out)
}

// printToken is newToken with a given time.
func printToken(args []string, now time.Time, out io.Writer) error {
	flags := newFlags("token new", tokenUsage, out)
	source := flags.String("source", "", "the `name` of the source, as in the policy")
	id := flags.String("id", "t"+now.UTC().Format("20060102"), "the `name` of the token within the source")
	days := flags.Int("days", 90, "number of days that the token is valid")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	switch {
	case !pattern.Match(sourcePattern, *source) || !pattern.Match(sourcePattern, *id):
		return usageError{errors.New("token new -source NAME: names have lower-case letters, digits and hyphens, and begin with a letter")}
	case *days < 1 || *days > longestToken:
		return usageError{fmt.Errorf("-days must be from 1 to %d", longestToken)}
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	token := "hbp_" + base64.RawURLEncoding.EncodeToString(random[:])
	lines := []string{
		"The token is shown only once. Store it as a secret of the program, which sends it as",
		"Authorization: Bearer hbp_…:", "",
		"  " + token, "",
		"Add this entry under tokens: in the policy. It does not reveal the token:", "",
		fmt.Sprintf("  - {source: %s, id: %s, sha256: %q, not_after: %q}",
			*source, *id, fmt.Sprintf("%x", sha256.Sum256([]byte(token))),
			now.UTC().AddDate(0, 0, *days).Truncate(time.Hour).Format(time.RFC3339)), "",
	}
	_, err := io.WriteString(out, strings.Join(lines, "\n"))
	return err
}
