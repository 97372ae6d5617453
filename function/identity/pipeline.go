package identity

// A Pipeline is a program without a secret of its own: the service that runs it
// vouches for it by a signed token (JWT), as GitHub Actions and GitLab do.
type Pipeline struct {
	Name     string            // the principal's
	Issuer   string            // exactly as it stands in its tokens
	Audience string            // that the tokens are for
	Claims   map[string]string // that a token must have, with exactly these texts
}
