package main

import (
	"context"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/go/packages"
)

// A pack is the package whose mutants are tried, parsed and type-checked.
type pack struct {
	root  string // folder of the module
	dir   string // folder of the package
	path  string // import path
	name  string
	fset  *token.FileSet
	types *types.Package
	info  *types.Info
	files []sourceFile // without generated ones and tests
}

// A sourceFile is one parsed file of the package.
type sourceFile struct {
	name   string // relative to the module, with slashes
	syntax *ast.File
	source []byte
}

// load reads the package in a folder that is named relative to root.
func load(ctx context.Context, root, folder string) (*pack, error) {
	loaded, err := packages.Load(&packages.Config{
		Context: ctx,
		Dir:     root,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedTypesInfo,
	}, "./"+filepath.ToSlash(filepath.Clean(folder)))
	if err != nil {
		return nil, err
	}
	if len(loaded) != 1 {
		return nil, fmt.Errorf("%s: want one package, found %d", folder, len(loaded))
	}
	from := loaded[0]
	if len(from.Errors) > 0 {
		return nil, from.Errors[0]
	}
	p := &pack{
		root: root, dir: filepath.Join(root, folder), path: from.PkgPath, name: from.Name,
		fset: from.Fset, types: from.Types, info: from.TypesInfo,
	}
	for _, syntax := range from.Syntax {
		if ast.IsGenerated(syntax) {
			continue
		}
		path := p.fset.Position(syntax.Package).Filename
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, sourceFile{filepath.ToSlash(name), syntax, source})
	}
	return p, nil
}

// mutants returns all mutants of p, in the order of the source.
func (p *pack) mutants() []*mutant {
	var all []*mutant
	for _, file := range p.files {
		f := &finder{pack: p, file: file, found: all}
		for _, decl := range file.syntax.Decls {
			f.function = nil
			if function, ok := decl.(*ast.FuncDecl); ok {
				f.function = function
			}
			ast.PreorderStack(decl, nil, f.visit)
		}
		all = f.found
	}
	return all
}

// A finder finds the mutants of a file. Where a node has several edits the outer come first, as
// render wants them.
type finder struct {
	*pack
	file     sourceFile
	function *ast.FuncDecl // nil outside functions
	found    []*mutant
}

// visit adds the mutants of one node. above are the nodes around it, the nearest last. It
// returns false if the nodes inside n get no mutants.
func (f *finder) visit(n ast.Node, above []ast.Node) bool {
	if s, ok := n.(ast.Stmt); ok && inList(s, above) {
		f.statement(s)
	}
	switch n := n.(type) {
	case *ast.GenDecl:
		if n.Tok == token.CONST {
			f.constants(n)
			return false
		}
	case *ast.IfStmt:
		if n.Else == nil && leaves(n.Body) && f.isBool(n.Cond) {
			f.wrap(n.Cond, "remove guard if "+f.text(n.Cond), "zzGuard(%d, ", ")")
		}
		f.condition(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.condition(n.Cond)
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT && f.isBool(n) {
			f.wrap(n, "remove ! of "+f.text(n), "zzNot(%d, ", ")")
		}
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.BasicLit:
		if n.Kind == token.INT {
			f.literal(n, above)
		}
	}
	return true
}

// inList reports whether s is an element of a list of statements, so that an if statement can
// replace it.
func inList(s ast.Stmt, above []ast.Node) bool {
	switch parent := above[len(above)-1].(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		return true
	case *ast.CommClause:
		return s != parent.Comm
	}
	return false
}

// leaves reports whether the last statement of b leaves the enclosing loop or function.
func leaves(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	switch last := b.List[len(b.List)-1].(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.BranchStmt:
		return last.Tok == token.CONTINUE || last.Tok == token.BREAK
	}
	return false
}

// condition adds a mutant that negates cond. It adds none for a comparison or a unary operator:
// binary negates comparisons, and visit removes a "!".
func (f *finder) condition(cond ast.Expr) {
	switch c := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		return
	case *ast.BinaryExpr:
		if c.Op != token.LAND && c.Op != token.LOR {
			return
		}
	}
	if f.isBool(cond) {
		f.wrap(cond, "negate "+f.text(cond), "zzNot(%d, ", ")")
	}
}

// binary adds the mutants of a binary operator.
func (f *finder) binary(n *ast.BinaryExpr) {
	if f.info.Types[n].Value != nil {
		return // a constant
	}
	switch n.Op {
	case token.LAND, token.LOR:
		if !f.isBool(n.X) || !f.isBool(n.Y) {
			return
		}
		other := map[token.Token]token.Token{token.LAND: token.LOR, token.LOR: token.LAND}[n.Op]
		// The mutant keeps the operator and negates both operands and the result. By De Morgan,
		// !(!a && !b) is a || b, and !(!a || !b) is a && b.
		f.add(n.OpPos, fmt.Sprintf("%s to %s in %s", n.Op, other, f.text(n)),
			f.around(n, "zzNot(%d, ", ")"), f.around(n.X, "zzNot(%d, ", ")"), f.around(n.Y, "zzNot(%d, ", ")"))
	case token.EQL, token.NEQ:
		f.negation(n)
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		f.negation(n)
		f.swap(n)
	case token.ADD, token.SUB, token.MUL, token.QUO:
		if f.isNumber(n) {
			f.swap(n)
		}
	}
}

// negation adds a mutant that negates a comparison.
func (f *finder) negation(n *ast.BinaryExpr) {
	if f.isBool(n) {
		f.wrap(n, "negate "+f.text(n), "zzNot(%d, ", ")")
	}
}

// swap adds a mutant with the opposite operator, such as <= for <. It adds none if both
// operands are untyped constants.
func (f *finder) swap(n *ast.BinaryExpr) {
	function, other, ok := swapFor(n.Op.String())
	if !ok || f.isUntyped(n.X) && f.isUntyped(n.Y) {
		return
	}
	operator := edit{start: f.offset(n.OpPos), end: f.offset(n.OpPos) + len(n.Op.String()), open: ",", replace: true}
	f.add(n.OpPos, fmt.Sprintf("%s to %s in %s", n.Op, other, f.text(n)), f.around(n, function+"(%d, ", ")"), operator)
}

// literal adds two mutants of an integer: one larger and one smaller. It adds none for a
// capacity of make.
func (f *finder) literal(n *ast.BasicLit, above []ast.Node) {
	if f.isCapacity(n, above) {
		return
	}
	kind, spelled := f.spell(f.info.TypeOf(n))
	value, err := strconv.ParseInt(n.Value, 0, 64)
	if err != nil {
		return
	}
	for _, up := range []bool{true, false} {
		next := value + 1
		if !up {
			next = value - 1
		}
		what := fmt.Sprintf("%s to %d in %s", n.Value, next, f.text(surrounding(n, above)))
		if !spelled || mustBeConstant(n, above) {
			whole := edit{start: f.offset(n.Pos()), end: f.offset(n.End()), open: fmt.Sprint(next), replace: true}
			f.add(n.Pos(), what, whole).alone = true
			continue
		}
		f.wrapAt(n, n.Pos(), what, fmt.Sprintf("zzStep[%s](%%d, %t, ", kind, up), ")")
	}
}

// isCapacity reports whether n is only a hint of how much memory make takes.
func (f *finder) isCapacity(n ast.Expr, above []ast.Node) bool {
	call, ok := above[len(above)-1].(*ast.CallExpr)
	if !ok || len(call.Args) < 2 || call.Args[len(call.Args)-1] != n || !f.isBuiltin(call.Fun, "make") {
		return false
	}
	_, isMap := f.info.TypeOf(call).Underlying().(*types.Map)
	return isMap || len(call.Args) == 3
}

// mustBeConstant reports whether n stands where Go requires a constant: in the length of an
// array type, or in the index of an element of an array or slice literal.
func mustBeConstant(n ast.Expr, above []ast.Node) bool {
	for i, outer := range above {
		var inner ast.Node = n
		if i+1 < len(above) {
			inner = above[i+1]
		}
		switch outer := outer.(type) {
		case *ast.ArrayType:
			if inner == outer.Len {
				return true
			}
		case *ast.KeyValueExpr:
			if inner == outer.Key {
				return true
			}
		}
	}
	return false
}

// surrounding is the expression or statement in which n stands, to tell literals apart.
func surrounding(n ast.Expr, above []ast.Node) ast.Node {
	switch parent := above[len(above)-1].(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CompositeLit, *ast.ArrayType:
		return n
	default:
		return parent
	}
}

// constants adds two mutants of each integer constant that d declares: one larger and one
// smaller. A duration changes by a second, or by a millisecond, a microsecond or a nanosecond
// if it is shorter than the next larger unit. Enumerations get no mutants: only the order of
// their values matters.
func (f *finder) constants(d *ast.GenDecl) {
	for _, s := range d.Specs {
		spec := s.(*ast.ValueSpec)
		for i, value := range spec.Values {
			object, ok := f.info.Defs[spec.Names[i]].(*types.Const)
			if !ok || spec.Names[i].Name == "_" || f.usesIota(value) {
				continue
			}
			basic, ok := object.Type().Underlying().(*types.Basic)
			if !ok || basic.Info()&types.IsInteger == 0 || basic.Kind() == types.UntypedRune {
				continue
			}
			old, exact := constant.Int64Val(object.Val())
			if !exact {
				continue
			}
			for _, sign := range []int64{1, -1} {
				step, from, to := sign, fmt.Sprint(old), fmt.Sprint(old+sign)
				if types.TypeString(object.Type(), nil) == "time.Duration" {
					step *= unit(time.Duration(old))
					from, to = time.Duration(old).String(), time.Duration(old+step).String()
				}
				whole := edit{start: f.offset(value.Pos()), end: f.offset(value.End()), replace: true,
					open: strings.ReplaceAll(fmt.Sprintf("(%s) + (%d)", f.source(value), step), "\n", " ")}
				m := f.add(spec.Names[i].Pos(), fmt.Sprintf("const %s %s to %s", object.Name(), from, to), whole)
				m.alone = true
				m.places = f.uses(object)
			}
		}
	}
}

// unit returns the number of nanoseconds by which a mutant changes the duration d.
func unit(d time.Duration) int64 {
	for _, u := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= u {
			return int64(u)
		}
	}
	return 1
}

// usesIota reports whether value depends on iota, as the values of an enumeration do.
func (f *finder) usesIota(value ast.Expr) bool {
	found := false
	ast.Inspect(value, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && f.info.Uses[id] == types.Universe.Lookup("iota") {
			found = true
		}
		return true
	})
	return found
}

// uses returns the places where the package uses object. One that it never uses counts as used
// outside functions.
func (p *pack) uses(object types.Object) []place {
	var places []place
	for _, file := range p.files {
		for _, decl := range file.syntax.Decls {
			function, _ := decl.(*ast.FuncDecl)
			ast.Inspect(decl, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && p.info.Uses[id] == object {
					places = append(places, p.place(id.Pos(), function))
				}
				return true
			})
		}
	}
	if len(places) == 0 {
		places = append(places, p.place(object.Pos(), nil))
	}
	return places
}

// statement adds the mutants of a statement: one without it, and for an assignment with an
// operator, such as +=, one with the opposite operator. Calls of panic, locks, cleanups and log
// lines below the level of a warning stay.
func (f *finder) statement(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if ok && !f.isBuiltin(call.Fun, "panic") && !f.isLock(call) && !f.isNote(call) {
			f.remove(s)
		}
	case *ast.DeferStmt:
		if !f.isLock(s.Call) && !f.isCleanup(s.Call) {
			f.remove(s)
		}
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE || blank(s.Lhs) {
			return
		}
		f.remove(s)
		f.exchange(s, s.Lhs[0], s.TokPos, s.Tok, map[token.Token]token.Token{
			token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN,
			token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN,
		})
	case *ast.IncDecStmt:
		f.remove(s)
		f.exchange(s, s.X, s.TokPos, s.Tok, map[token.Token]token.Token{token.INC: token.DEC, token.DEC: token.INC})
	case *ast.BranchStmt:
		if s.Tok == token.CONTINUE || s.Tok == token.BREAK {
			f.remove(s)
		}
	}
}

// remove adds a mutant without the statement s.
func (f *finder) remove(s ast.Stmt) {
	f.wrap(s, "remove "+f.text(s), "if zzKeep(%d) { ", " }")
}

// exchange adds a mutant of s with the opposite assignment operator, if others has one for
// from. at is the place of the operator.
func (f *finder) exchange(
	s ast.Stmt, target ast.Expr, at token.Pos, from token.Token, others map[token.Token]token.Token,
) {
	to, ok := others[from]
	if !ok || !f.isNumber(target) || strings.Contains(f.source(s), "\n") {
		return
	}
	old, start := f.source(s), f.offset(at)-f.offset(s.Pos())
	changed := old[:start] + to.String() + old[start+len(from.String()):]
	f.wrapAt(s, at, fmt.Sprintf("%s to %s in %s", from, to, f.text(s)),
		"if !zzKeep(%d) { "+strings.ReplaceAll(changed, "%", "%%")+" } else { ", " }")
}

// blank reports whether all assigned variables are the blank identifier.
func blank(left []ast.Expr) bool {
	for _, e := range left {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

// isLock reports whether a call locks or unlocks. Such a call gets no mutant: without it a test
// hangs, or fails only by chance.
func (f *finder) isLock(call *ast.CallExpr) bool {
	method := f.method(call)
	return method != nil && method.Pkg().Path() == "sync" && strings.HasSuffix(method.Name(), "ock")
}

// isNote reports whether a call writes a log line below the level of a warning. Such a call
// gets no mutant: the line only describes what happened, which the answer, the store or the
// audit trail also shows. A warning or an error can be the only sign of a failure, so it needs
// a test or an explanation.
func (f *finder) isNote(call *ast.CallExpr) bool {
	method := f.method(call)
	return method != nil && method.Pkg().Path() == "log/slog" &&
		(strings.HasPrefix(method.Name(), "Info") || strings.HasPrefix(method.Name(), "Debug"))
}

// method is the function of another package, or the method, that a call of the form x.f calls.
// It is nil for other calls.
func (f *finder) method(call *ast.CallExpr) *types.Func {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	method, ok := f.info.Uses[selector.Sel].(*types.Func)
	if !ok || method.Pkg() == nil {
		return nil
	}
	return method
}

// isCleanup reports whether a deferred call frees a resource. Such a call gets no mutant,
// because tests do not notice a leak.
func (f *finder) isCleanup(call *ast.CallExpr) bool {
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "Close" {
		return true
	}
	return types.TypeString(f.info.TypeOf(call.Fun), nil) == "context.CancelFunc"
}

// isBuiltin reports whether e is the builtin function called name.
func (f *finder) isBuiltin(e ast.Expr, name string) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && f.info.Uses[id] == types.Universe.Lookup(name)
}

// isBool reports whether e can be an argument and a result of zzNot: it is no constant, and its
// type is bool itself and not a type that is declared from bool.
func (f *finder) isBool(e ast.Expr) bool {
	t := f.info.Types[e]
	return t.Value == nil && t.Type != nil && types.Identical(types.Default(t.Type), types.Typ[types.Bool])
}

// isNumber reports whether the type of e is an integer or a floating-point number.
func (f *finder) isNumber(e ast.Expr) bool {
	basic, ok := f.info.TypeOf(e).Underlying().(*types.Basic)
	return ok && basic.Info()&(types.IsInteger|types.IsFloat) != 0
}

// isUntyped reports whether e is an untyped constant.
func (f *finder) isUntyped(e ast.Expr) bool {
	basic, ok := f.info.TypeOf(e).(*types.Basic)
	return ok && basic.Info()&types.IsUntyped != 0
}

// spell writes a type of numbers as this file can name it.
func (f *finder) spell(t types.Type) (string, bool) {
	if basic, ok := t.Underlying().(*types.Basic); !ok || basic.Info()&types.IsUntyped != 0 {
		return "", false
	}
	ok := true
	text := types.TypeString(t, func(other *types.Package) string {
		if other == f.types {
			return ""
		}
		for _, spec := range f.file.syntax.Imports {
			if name := f.info.PkgNameOf(spec); name != nil && name.Imported() == other {
				return name.Name()
			}
		}
		ok = false
		return ""
	})
	return text, ok
}

// wrap adds a mutant that puts text around n, with its number in place of %d.
func (f *finder) wrap(n ast.Node, what, open, close string) {
	f.wrapAt(n, n.Pos(), what, open, close)
}

// wrapAt is wrap for a mutant whose place in reports is at.
func (f *finder) wrapAt(n ast.Node, at token.Pos, what, open, close string) {
	f.add(at, what, f.around(n, open, close))
}

// around is a part of the next mutant: an edit of the source text at one place.
func (f *finder) around(n ast.Node, open, close string) edit {
	return edit{start: f.offset(n.Pos()), end: f.offset(n.End()), open: fmt.Sprintf(open, len(f.found)+1), close: close}
}

// add adds a mutant of the function that the finder is in.
func (f *finder) add(at token.Pos, what string, edits ...edit) *mutant {
	position := f.fset.Position(at)
	m := &mutant{
		id: len(f.found) + 1, file: f.file.name, line: position.Line, column: position.Column,
		what: what, edits: edits, places: []place{f.place(at, f.function)},
	}
	if f.function != nil {
		m.function = functionName(f.function)
	}
	f.found = append(f.found, m)
	return m
}

// place returns the position at, with the function around it.
func (p *pack) place(at token.Pos, function *ast.FuncDecl) place {
	position := p.fset.Position(at)
	here := place{file: filepath.Base(position.Filename), at: point{position.Line, position.Column}}
	if function != nil {
		from, to := p.fset.Position(function.Pos()), p.fset.Position(function.End())
		here.from, here.to = point{from.Line, from.Column}, point{to.Line, to.Column}
	}
	return here
}

// functionName is the name of a function, with its receiver if it has one.
func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	receiver := types.ExprString(d.Recv.List[0].Type)
	if strings.HasPrefix(receiver, "*") {
		receiver = "(" + receiver + ")"
	}
	return receiver + "." + d.Name.Name
}

// offset returns the byte offset of a position in its file.
func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// source returns the source text of n.
func (f *finder) source(n ast.Node) string {
	return string(f.file.source[f.offset(n.Pos()):f.offset(n.End())])
}

// longestText is the maximum length of the source text in the description of a mutant.
const longestText = 80

// text is the source of n in one line.
func (f *finder) text(n ast.Node) string {
	text := []rune(strings.Join(strings.Fields(f.source(n)), " "))
	if len(text) > longestText {
		return string(text[:longestText-1]) + "…"
	}
	return string(text)
}

// folder returns the folder of the package, relative to the root of the module.
func (p *pack) folder() string {
	folder, err := filepath.Rel(p.root, p.dir)
	if err != nil {
		return p.dir
	}
	return folder
}

// sourceOf returns the text of a file, by its name relative to the module.
func (p *pack) sourceOf(name string) []byte {
	for _, file := range p.files {
		if file.name == name {
			return file.source
		}
	}
	return nil
}
