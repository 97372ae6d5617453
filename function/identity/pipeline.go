package identity

// A Pipeline is a program that proves its identity with a signed token (JWT) of the
// service that runs it, as GitHub Actions and GitLab do. It needs no stored secret.
//
// A token belongs to the pipeline if its issuer and audience are equal to Issuer and
// Audience, and each of Claims is in it. The name of a claim is the exact name of a member
// of the token, or the path of a nested member, such as "kubernetes.io.namespace"; an exact
// name wins. Package auth verifies the signature and the times of the token before this
// comparison.
type Pipeline struct {
	Name     string            // the Subject of the principal; the name in the policy
	Issuer   string            // the claim "iss", compared byte by byte
	Audience string            // must be in the claim "aud"
	Claims   map[string]string // further claims; the text of each must match the value: see [MatchClaim]
}
