// Command form is a function that answers every event with a form of twenty fields.
//
// It makes the page with html/template, checks nothing and keeps nothing. .ci/measure compares the
// first page of the portal with it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
)

type field struct{ Name, Label, Help string }

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>New backup</title>
<h1>New backup</h1><form method="post" action="/backups">
{{range .}}<p><label for="{{.Name}}">{{.Label}}</label> <span>{{.Help}}</span><input id="{{.Name}}" name="{{.Name}}"></p>
{{end}}<button>Continue</button></form></html>`

func main() {
	form := template.Must(template.New("form").Parse(page))
	var fields []field
	for n := range 20 {
		fields = append(fields, field{fmt.Sprint("field-", n), fmt.Sprint("Field ", n), "What the field is for"})
	}
	fc.Start(func(context.Context, []byte) (json.RawMessage, error) {
		var body bytes.Buffer
		if err := form.Execute(&body, fields); err != nil {
			return nil, err
		}
		return json.Marshal(map[string]any{
			"statusCode": 200, "headers": map[string]string{"Content-Type": "text/html; charset=utf-8"}, "body": body.String(),
		})
	})
}
