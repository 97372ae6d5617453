package templates

import "context"

// enter returns the button that Enter presses, if a form can be sent again.
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
