/**
 * A message of alerts as channels are sent it: JSON for programs, and the form of Slack's incoming webhooks, which Mattermost and
 * Rocket.Chat take too. docs/alerts.md describes both.
 */
import { sentence, UNITS } from '#domain/alerts/sentence.ts'
import type { AlertNews } from '#domain/projections/alerts.ts'
import type { AlertMessage } from '#infra/alerts/channel.ts'

const TEST = 'This is a test: the channel works.'

/** JSON text. Receivers know a repetition by `id`, `change` and `at`. */
export const jsonBody = (message: AlertMessage): string => {
  const news = newsOf(message)
  return JSON.stringify({
    version: 1,
    source: 'signalbox',
    test: message._tag === 'Test',
    text: message._tag === 'Test' ? TEST : news.map(line).join('\n'),
    alerts: news.map((one) => ({
      id: one.alertId,
      change: one.change,
      at: new Date(one.at).toISOString(),
      raisedAt: new Date(one.raisedAt).toISOString(),
      kind: one.kind,
      subject: one.subject,
      severity: one.severity,
      value: one.value,
      threshold: one.threshold,
      unit: UNITS[one.kind],
      text: sentence(one),
    })),
  })
}

/** JSON text: `text` for notifications, one block a piece of news. */
export const slackBody = (message: AlertMessage): string => {
  if (message._tag === 'Test') return JSON.stringify({ text: `Signalbox: ${TEST}`, blocks: [section(TEST)] })
  return JSON.stringify({
    text: escaped(`Signalbox: ${message.news.map(line).join('\n')}`),
    blocks: message.news.map((one) => section(`*${title(one)}* ${escaped(sentence(one))}`)),
  })
}

const newsOf = (message: AlertMessage): readonly AlertNews[] => (message._tag === 'News' ? message.news : [])

const title = ({ change, severity }: AlertNews): string =>
  change === 'cleared' ? 'Over' : `${severity.slice(0, 1).toUpperCase()}${severity.slice(1)}`

const line = (one: AlertNews): string => `${title(one)}: ${sentence(one)}`

const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } })

/** The three characters that Slack gives a meaning; names of models are chosen by strangers. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
