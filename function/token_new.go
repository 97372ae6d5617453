package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// longestToken is the longest validity of a token, in days.
const longestToken = 730

// sourceShape matches the name of a source or a token.
var sourceShape = regexp.MustCompile(`\A[a-z][a-z0-9-]{0,62}\z`)

const tokenUsage = `token new -source NAME [-id NAME] [-days N]

It makes a token for a program and prints it once, with the entry that the policy needs to accept it.`

// newToken is the command "token new". It makes a random token and prints it once, with the policy
// entry that contains only its hash. It stores nothing.
func newToken(args []string, env environment) error {
	return printToken(args, time.Now(), env.out)
}

// printToken is newToken with a given time.
func printToken(args []string, now time.Time, out io.Writer) error {
	flags := newFlags("token new", tokenUsage, out)
	source := flags.String("source", "", "whose token it is: the `name` by which a team of the policy knows the source")
	id := flags.String("id", "t"+now.UTC().Format("20060102"), "the token's `name` among those of the source")
	days := flags.Int("days", 90, "for how long it is good")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	switch {
	case !sourceShape.MatchString(*source) || !sourceShape.MatchString(*id):
		return usageError{errors.New("token new -source NAME: names have lower-case letters, digits and hyphens, and begin with a letter")}
	case *days < 1 || *days > longestToken:
		return usageError{fmt.Errorf("-days must be from 1 to %d", longestToken)}
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	token := "hbp_" + base64.RawURLEncoding.EncodeToString(random[:])
	lines := []string{
		"The token, which is shown this once. Put it among the secrets of the program that is to use it, which sends it as",
		"Authorization: Bearer hbp_…:", "",
		"  " + token, "",
		"Its entry under tokens: in the policy, from which nobody can make it again:", "",
		fmt.Sprintf("  - {source: %s, id: %s, sha256: %q, not_after: %q}", *source, *id, fmt.Sprintf("%x", sha256.Sum256([]byte(token))),
			now.UTC().AddDate(0, 0, *days).Truncate(time.Hour).Format(time.RFC3339)), "",
	}
	_, err := io.WriteString(out, strings.Join(lines, "\n"))
	return err
}
