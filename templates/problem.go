package templates

import "context"

// enter is what Enter does, if a form can be sent again.
func (p Problem) enter(ctx context.Context) enter {
	if p.Resend == nil {
		return enter{}
	}
	return enter{label: in(ctx, p.Resend.Text), action: "/backups"}
}

// linkClass keeps the page to one filled button.
func (p Problem) linkClass() string {
	if p.Resend != nil {
		return "plain"
	}
	return "filled"
}
