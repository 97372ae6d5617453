package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"backupportal/function/aliyun"
	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/policy"
)

const ramUsage = `ram-policy [-file FILE] [-portal ARN] [-json]

Prints the minimal RAM policies of this deployment: for the function's own role, and for the role in each account.

  ram-policy
  ram-policy -portal acs:ram::1234567890123456:role/backup-portal -json`

// portalShape is a role or a user of RAM: what the portal can be.
var portalShape = regexp.MustCompile(`\Aacs:ram::[0-9]{16}:(role|user)/[A-Za-z0-9._@-]{1,64}\z`)

// A ramDocument is a policy, and what it is for.
type ramDocument struct {
	Of       string           // resource name of the role or user
	Accounts []string         `json:",omitempty"` // aliases in the policy
	Kind     string           // "trust" or "permission"
	Note     string           `json:",omitempty"`
	Document aliyun.RAMPolicy // paste it
}

// printRAMPolicies is the command ram-policy.
func printRAMPolicies(args []string, env environment) error {
	flags := newFlags("ram-policy", ramUsage, env.out)
	file := flags.String("file", app.PolicyFile(env.getenv), "the `policy`")
	portal := flags.String("portal", "", "the `resource name` of the function's role, or of the user whose key the portal has; if it is not set, the role backup-portal in the account with access: own")
	asJSON := flags.Bool("json", false, "one JSON array, for programs")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	data, err := os.ReadFile(*file)
	if err != nil {
		return usageError{err}
	}
	p, err := policy.Load(data, env.getenv)
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", *file, err)}
	}
	capabilities := accountCapabilities(p)
	if *portal == "" {
		i := slices.IndexFunc(capabilities, func(a aliyun.AccountCapabilities) bool { return a.Account.Access == backup.Own })
		if i < 0 {
			return usageError{errors.New("-portal is required: no account of the policy has access: own")}
		}
		*portal = "acs:ram::" + capabilities[i].Account.ID + ":role/backup-portal"
	}
	if !portalShape.MatchString(*portal) {
		return usageError{errors.New("-portal must have the form acs:ram::1234567890123456:role/name")}
	}
	return writeDocuments(ramDocuments(capabilities, *portal), *asJSON, env.out)
}

// accountCapabilities are the accounts of the policy, and what the portal does there.
func accountCapabilities(p *policy.Policy) (all []aliyun.AccountCapabilities) {
	for _, a := range p.AllAccounts() {
		all = append(all, aliyun.AccountCapabilities{Account: a, Capabilities: p.Capabilities(a.Alias)})
	}
	return all
}

// ramDocuments are the policies that a deployment needs. Aliases that share a role
// share its policies.
func ramDocuments(capabilities []aliyun.AccountCapabilities, portal string) (all []ramDocument) {
	if isRole := portalShape.FindStringSubmatch(portal)[1] == "role"; isRole {
		all = append(all, ramDocument{
			Of:       portal,
			Kind:     "trust",
			Note:     "Function Compute runs the function with this role.",
			Document: aliyun.ServiceTrustPolicy("fc.aliyuncs.com"),
		})
	}
	all = append(all, ramDocument{
		Of:       portal,
		Kind:     "permission",
		Note:     "Permissions of the function itself.",
		Document: aliyun.FunctionPolicy(capabilities),
	})
	seen := map[string]bool{}
	for _, a := range capabilities {
		if a.Account.Access == backup.Own || seen[a.Account.RoleARN()+string(a.Account.Access)] {
			continue
		}
		seen[a.Account.RoleARN()+string(a.Account.Access)] = true
		var shared []aliyun.AccountCapabilities
		for _, other := range capabilities {
			by := other.Account
			if a.Account.Access == backup.AssumeRole {
				by = by.Caller() // it may make the calls for others
			}
			if by.Access == a.Account.Access && by.RoleARN() == a.Account.RoleARN() {
				shared = append(shared, other)
			}
		}
		all = append(all, roleDocuments(a.Account, shared, portal)...)
	}
	return all
}

// roleDocuments are those of the role in one account, and of all that it is used for.
func roleDocuments(a backup.Account, capabilities []aliyun.AccountCapabilities, portal string) []ramDocument {
	of := a.RoleARN()
	var aliases []string
	for _, u := range capabilities {
		aliases = append(aliases, u.Account.Alias)
	}
	if a.Access == backup.HBRCrossAccount {
		return []ramDocument{{
			Of:       of,
			Accounts: aliases,
			Kind:     "trust",
			Document: aliyun.ServiceTrustPolicy(aliyun.CrossBackupService),
			Note:     "Cloud Backup assumes this role. Attach the system policy AliyunHBRRolePolicy, and register the account with AddCrossAccount.",
		}}
	}
	note := "Lets the portal assume the role."
	var accounts []backup.Account
	for _, u := range capabilities {
		if u.Account.Access == backup.AssumeRole {
			accounts = append(accounts, u.Account)
			if name := u.Account.ExternalIDVariable; name != "" {
				note += " Replace $" + name + " with the value of the variable " + name + "."
			}
		}
	}
	all := []ramDocument{{
		Of:       of,
		Accounts: aliases,
		Kind:     "trust",
		Note:     note,
		Document: aliyun.TrustPolicy(portal, accounts...),
	}}
	if p := aliyun.SharedPolicy(capabilities); len(p.Statement) > 0 {
		all = append(all, ramDocument{
			Of:       of,
			Accounts: aliases,
			Kind:     "permission",
			Note:     "Permissions of the portal in the account.",
			Document: p,
		})
	}
	return all
}

func writeDocuments(all []ramDocument, asJSON bool, out io.Writer) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(all)
	}
	for i, d := range all {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "# %s: %s policy\n", d.Of, d.Kind)
		if len(d.Accounts) > 0 {
			fmt.Fprintf(out, "# Accounts in the portal's policy: %v\n", d.Accounts)
		}
		if d.Note != "" {
			fmt.Fprintf(out, "# %s\n", d.Note)
		}
		if _, err := fmt.Fprintln(out, d.Document.Text()); err != nil {
			return err
		}
	}
	return nil
}
