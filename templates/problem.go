package templates

import "context"

// enter returns the hidden button for the Enter key if the page offers to send a form again.
func (p Problem) enter(ctx context.Context) enter {
	if p.Resend == nil {
		return enter{}
	}
	return enter{label: in(ctx, p.Resend.Text), action: p.Resend.Action}
}

// linkClass returns the CSS class of the link. A page has at most one filled button.
func (p Problem) linkClass() string {
	if p.Resend != nil {
		return "plain"
	}
	return "filled"
}
