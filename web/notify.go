package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/param"
	"backupportal/templates"
)

// receiverBox is the beginning of the names of the boxes with which a person chooses receivers on the check page. The
// boxes are numbered from 0.
const receiverBox = "Notify."

// isReceiverBox reports whether name is a box for a receiver.
func isReceiverBox(name string) bool {
	number, ok := strings.CutPrefix(name, receiverBox)
	i, err := strconv.Atoi(number)
	return ok && err == nil && i >= 0 && i < param.MaxReceivers && strconv.Itoa(i) == number
}

// chosenReceivers returns the names in the ticked boxes of a posted form; nil for none.
func chosenReceivers(form url.Values) (names []string) {
	for i := range param.MaxReceivers {
		if name := strings.TrimSpace(form.Get(receiverBox + strconv.Itoa(i))); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// withReceivers returns the address of a check page on which the boxes of these receivers are ticked.
func withReceivers(path string, names []string) string {
	if len(names) == 0 {
		return path
	}
	return path + "?" + url.Values{"Notify": {strings.Join(names, "\n")}}.Encode()
}

// aboutReceivers reports whether one of the mistakes is about the chosen receivers.
func aboutReceivers(bad []param.Mistake) bool {
	return slices.ContainsFunc(bad, isAboutReceivers)
}

// isAboutReceivers reports whether m is about the chosen receivers.
func isAboutReceivers(m param.Mistake) bool { return m.Field == "Notify" }

// askReceivers shows the check page of a form again with the mistakes in bad about the chosen receivers. The
// values must have no other mistakes; otherwise it shows the form.
func (s *Server) askReceivers(w http.ResponseWriter, r *http.Request, key string, values templates.Values, bad []param.Mistake) error {
	j, err := s.checkValues(r, key, values)
	if err != nil {
		return err
	}
	if j.bad != nil {
		return s.renderForm(w, r, j.status, s.formPage(r, j.params.SourceType(), j.values, j.bad))
	}
	page := s.checkPage(r, j)
	s.addDraft(r, &page)
	page.Wrong = slices.DeleteFunc(bad, func(m param.Mistake) bool { return !isAboutReceivers(m) })
	return render(w, r, http.StatusForbidden, templates.Check(page))
}
