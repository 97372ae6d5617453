package emulator

import (
	"slices"
	"strings"
)

// shortTrust writes the short form of a trust policy out. The external id is
// demanded of people and programs, never of a service, which has none to send.
func (r *Role) shortTrust() Policy {
	var p Policy
	if len(r.Trusts) > 0 {
		s := Statement{Effect: "Allow", Actions: []string{"sts:AssumeRole"}, Principals: Principals{RAM: r.Trusts}}
		if r.ExternalID != "" {
			s.Conditions = Conditions{"StringEquals": {"sts:ExternalId": {r.ExternalID}}}
		}
		p = append(p, s)
	}
	if len(r.TrustsServices) > 0 {
		p = append(p, Statement{Effect: "Allow", Actions: []string{"sts:AssumeRole"}, Principals: Principals{Service: r.TrustsServices}})
	}
	return p
}

// trusting returns the statements of the trust policy that speak of a principal.
func (r *Role) trusting(speaks func(Principals) bool) Policy {
	var p Policy
	for _, s := range r.TrustPolicy {
		if speaks(s.Principals) {
			p = append(p, s)
		}
	}
	return p
}

// names reports whether a principal is meant by one of the ARNs. The root of its
// account stands for all its users and roles. The vendor's own texts write role
// names in other cases than they were made with, so case does not count.
func (p Principals) names(principal, root string) bool {
	return slices.ContainsFunc(p.RAM, func(arn string) bool {
		return strings.EqualFold(arn, principal) || strings.EqualFold(arn, root)
	})
}

// trustsPrincipal is the answer of a role's trust policy to a user or role of an
// account, by its ARN and the ARN of the account's root.
func (r *Role) trustsPrincipal(principal, root string, q question) verdict {
	return evaluate(q, r.trusting(func(p Principals) bool { return p.names(principal, root) }))
}

// trustsService reports whether a service of the vendor may assume a role. A
// principal may be narrowed to one account of the service, as <account>@<service>
// ("Trust policy of a service role"); whether that holds for Cloud Backup too is
// a guess.
func (r *Role) trustsService(service, account string) bool {
	q := question{"sts:AssumeRole", "*", func(string) (string, bool) { return "", false }}
	return evaluate(q, r.trusting(func(p Principals) bool {
		return slices.Contains(p.Service, service) || slices.Contains(p.Service, account+"@"+service)
	})) == allowed
}
