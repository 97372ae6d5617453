package notify

import (
	"cmp"
	"strings"
	"time"
	"unicode"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// Texts of chat messages and e-mails.
var (
	wordPortal    = param.Both("Backup Portal", "备份门户")
	wordInstance  = param.Both("Instance", "实例")
	wordVolumes   = param.Both("Volumes", "存储卷")
	wordKind      = param.Both("Kind", "类型")
	wordAccount   = param.Both("Account", "账号")
	wordRegion    = param.Both("Region", "地域")
	wordName      = param.Both("Name", "名称")
	wordAskedBy   = param.Both("Requested by", "申请人")
	wordCancelled = param.Both("Cancelled by", "取消人")
	wordReason    = param.Both("Reason", "原因")
	wordSource    = param.Both("Source", "来源")
	wordOrigin    = param.Both("Origin", "出处")
	wordExpected  = param.Both("Expectation", "备份期望")
	wordLastGood  = param.Both("Last good backup", "最近一次可用备份")
	wordNone      = param.Both("none found", "未找到")
	wordTime      = param.Both("Time", "时间")
	wordOpen      = param.Both("Open in Backup Portal", "在备份门户中查看")
	wordLowered   = param.Both("Backup succeeded, but it is less consistent than requested", "备份成功，但未达到要求的一致性")
	wordMissed    = param.Both("Backup is less consistent than requested", "备份未达到要求的一致性")
	wordLevel     = param.Both("Consistency level", "一致性级别")
	wordRefused   = param.Both("Backup not started: refused by Cloud Backup", "备份未启动：云备份拒绝了请求")
	wordWhy       = param.Both("Why", "备份原因")
	wordTicket    = param.Both("Ticket", "工单号")
	wordPreset    = param.Both("Preset", "预设")
	wordReceiver  = param.Both("Receiver", "接收方")
	wordColon     = param.Both(": ", "：")
	wordBeside    = param.Both("%v, %v", "%v，%v")
)

// headlines are the titles of chat messages and e-mails, by the kind of the notice.
var headlines = map[backup.Event]param.Text{
	backup.EventCreated:           param.Both("Backup started", "备份已启动"),
	backup.EventSucceeded:         param.Both("Backup succeeded", "备份成功"),
	backup.EventPartial:           param.Both("Backup partly succeeded: some items are missing", "备份部分成功：有内容未备份"),
	backup.EventFailed:            param.Both("Backup failed", "备份失败"),
	backup.EventCancelled:         param.Both("Backup cancelled", "备份已取消"),
	backup.EventConsistencyMissed: wordMissed,
	backup.EventTest:              param.Both("Test message: no backup was started, and none has failed", "测试消息：未启动备份，也没有备份失败"),
	backup.EventRejected:          param.Both("Message rejected: no backup was started", "消息被拒收：未开始备份"),
	backup.EventMissing:           param.Both("Backup missing: there is no good backup that is new enough", "缺少备份：没有足够新的可用备份"),
	backup.EventMended:            param.Both("Backup no longer missing", "备份已恢复正常"),
}

// A message is the content of a chat message or an e-mail in the receiver's language. Only link can
// act in a chat or a mail program.
type message struct {
	title string
	lines []line
	colon string // between label and value of a line
	link  string // the result of [Sender.link]
	open  string // text that the reader clicks to open link
}

// A line is one line of a chat message: a label and a value.
type line struct{ label, value string }

// message returns the content of a notice for a receiver. Values that are empty are omitted.
func (s *Sender) message(to receiver, n backup.Notice) message {
	l, r := to.Language, n.Record
	m := message{title: headlines[n.Event].In(l), colon: wordColon.In(l), link: s.link(n), open: wordOpen.In(l)}
	downgraded := n.Event == backup.EventSucceeded && r.Job.DowngradeReason != ""
	if downgraded {
		m.title = wordLowered.In(l)
	}
	if n.Event == backup.EventFailed && r.Last.Kind == backup.StepRefused {
		m.title = wordRefused.In(l)
	}
	if s.cfg.Notifications.Environment != "" {
		m.title = "[" + inert(s.cfg.Notifications.Environment) + "] " + m.title
	}
	add := func(label param.Text, value string) {
		if value != "" {
			m.lines = append(m.lines, line{label.In(l), value})
		}
	}
	if n.Event == backup.EventTest {
		add(wordReceiver, inert(n.Receiver))
		add(wordAskedBy, inert(r.Principal.Name))
		add(wordTime, s.minute(n.At))
		return m
	}
	if n.Event == backup.EventRejected {
		add(wordSource, inert(n.Rejection.Sender.Subject))
		add(wordOrigin, inert(n.Rejection.Origin))
		add(wordReason, inert(n.Rejection.Reason.In(l)))
		add(wordTime, s.minute(n.At))
		return m
	}
	if isAboutGap(n) {
		g := n.Gap
		add(wordInstance, inert(g.Title()))
		add(wordAccount, inert(s.account(g.Account).In(l)))
		add(wordRegion, inert(wordBeside.Fill(l, param.RegionName(g.Region), g.Region)))
		add(wordExpected, inert(g.Expectation))
		if n.Event == backup.EventMissing {
			last := wordNone.In(l)
			if !g.LastGood.IsZero() {
				last = s.minute(g.LastGood)
			}
			add(wordLastGood, last)
		}
		add(wordTime, s.minute(n.At))
		return m
	}
	if r.Complete.SourceType() == param.Container {
		add(wordVolumes, inert(r.Title()))
	} else {
		add(wordInstance, inert(r.Title()))
	}
	add(wordKind, inert(r.Complete.SourceType().Name().In(l)))
	add(wordAccount, inert(s.account(r.Account()).In(l)))
	add(wordRegion, inert(wordBeside.Fill(l, param.RegionName(r.Region()), r.Region())))
	add(wordWhy, inert(r.Reason()))
	add(wordTicket, inert(r.Ticket()))
	add(wordPreset, inert(r.Preset()))
	add(wordAskedBy, inert(wordBeside.Fill(l, cmp.Or(r.Principal.Name, r.Principal.Subject), r.Door.Name())))
	if n.Event == backup.EventCancelled {
		add(wordCancelled, inert(r.Cancellation.By.Name))
	}
	if n.Event != backup.EventCreated {
		add(wordReason, inert(r.Last.Code))
		add(backup.CloudServiceOf(r.Last.Code).Label(), inert(cmp.Or(r.Last.Message, r.Job.ErrorMessage)))
	}
	if downgraded || n.Event == backup.EventConsistencyMissed {
		add(wordLevel, inert(r.Job.ConsistentLevel))
		add(backup.CloudService("").Label(), inert(r.Job.DowngradeReason))
	}
	add(wordTime, s.minute(n.At))
	add(wordName, inert(r.Params["JobName"]))
	return m
}

// isAboutGap reports whether n is about a gap of an expectation.
func isAboutGap(n backup.Notice) bool {
	return n.Event == backup.EventMissing || n.Event == backup.EventMended
}

// minute returns t to the minute in the zone of the portal, with its offset from UTC.
func (s *Sender) minute(t time.Time) string {
	t = t.In(s.cfg.Zone)
	return t.Format("2006-01-02 15:04 ") + param.UTCOffset(t)
}

// account returns the label of the account with that alias, or the alias if the policy no
// longer has the account.
func (s *Sender) account(alias string) param.Text {
	if s.cfg.Account != nil {
		if a, ok := s.cfg.Account(alias); ok {
			return a.Label()
		}
	}
	return param.Both(alias, alias)
}

// maxShown is the longest text that is shown, in characters. WeCom accepts 4,096 bytes for a
// whole message.
const maxShown = 120

// lookalikes replaces each character that has a meaning within a line in the markup of any of the
// chats by a similar one without meaning. Only one of the chats documents an escape, and it is
// not needed then.
var lookalikes = strings.NewReplacer(
	"<", "＜", ">", "＞", "&", "＆", "@", "＠", "#", "＃", "*", "＊", "_", "＿", "~", "～", "`", "｀", "|", "｜", `\`, "＼",
	"[", "［", "]", "］", "://", "：//",
)

// inert returns a text from outside as one line that mentions no person, links to nothing and
// has no markup in any of the chats. It replaces a dot before a letter, because chats turn even
// bare host names into links. It removes invisible characters and characters that change the
// direction of writing, and cuts the text to maxShown characters.
func inert(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.C, r) || r == unicode.ReplacementChar:
			return -1 // invisible, or turns the direction of the text
		}
		return r
	}, s)
	letters := []rune(strings.Join(strings.Fields(s), " "))
	if len(letters) > maxShown {
		letters = append(letters[:maxShown-1], '…')
	}
	for i, r := range letters {
		if r == '.' && i+1 < len(letters) && unicode.IsLetter(letters[i+1]) {
			letters[i] = '．'
		}
	}
	return lookalikes.Replace(string(letters))
}
