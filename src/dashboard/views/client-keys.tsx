/**
 * Keys for the clients of the box: create one, which is shown once, and revoke it.
 */
import { useState } from 'preact/hooks'
import type { ClientKeyView } from '#actors/views/client-key-view.ts'
import { problemOf } from '../api/ask.ts'
import { createKey, fetchKeys, revokeKey } from '../api/keys.ts'
import { boxNow } from '../clock.ts'
import { Answered } from '../components/answered.tsx'
import { ConfirmButton } from '../components/confirm.tsx'
import { Table } from '../components/table.tsx'
import { dateTime } from '../format.ts'
import { useAnswer } from '../use-answer.ts'

const DAY_MS = 86_400_000

export const ClientKeys = () => {
  const asked = useAnswer('keys', fetchKeys, 'slow')
  return (
    <section class="panel" aria-label="Client keys">
      <h2>Client keys</h2>
      <Answered asked={asked} what="client keys">
        {({ data }) => (
          <>
            <KeyTable keys={data} onChanged={asked.reload} />
            <NewKeyForm onChanged={asked.reload} />
          </>
        )}
      </Answered>
    </section>
  )
}

const KeyTable = ({ keys, onChanged }: { readonly keys: readonly ClientKeyView[]; readonly onChanged: () => void }) => (
  <Table
    caption="Keys that clients may use"
    rows={keys}
    keyOf={({ keyId }) => keyId}
    empty="None: every client that reaches the box is served."
    columns={[
      { name: 'Name', cell: ({ name }) => name },
      { name: 'Created', cell: ({ createdAt }) => dateTime(createdAt) },
      { name: 'Models', cell: ({ models }) => models?.join(', ') ?? 'all' },
      { name: 'Requests a minute', isNumber: true, cell: ({ requestsPerMinute }) => requestsPerMinute ?? 'any' },
      { name: 'Expires', cell: ({ expiresAt }) => (expiresAt === null ? 'never' : dateTime(expiresAt)) },
      {
        name: 'Revoke',
        cell: ({ keyId, name, revokedAt }) =>
          revokedAt === null ? (
            <ConfirmButton
              label="Revoke"
              subject={name}
              question="Requests with it are refused from now on. This cannot be taken back."
              act={() => revokeKey(keyId)}
              done={`The key ${name} is revoked.`}
              onDone={onChanged}
              isDangerous
            />
          ) : (
            `revoked ${dateTime(revokedAt)}`
          ),
      },
    ]}
  />
)

type Created =
  | { readonly _tag: 'None' }
  | { readonly _tag: 'Problem'; readonly text: string }
  | { readonly _tag: 'Key'; readonly name: string; readonly key: string }

const NewKeyForm = ({ onChanged }: { readonly onChanged: () => void }) => {
  const [name, setName] = useState('')
  const [models, setModels] = useState('')
  const [rate, setRate] = useState('')
  const [days, setDays] = useState('')
  const [created, setCreated] = useState<Created>({ _tag: 'None' })
  const create = async () => {
    const patterns = models.split(/[\s,]+/).filter((pattern) => pattern !== '')
    const answer = await createKey({
      name: name.trim(),
      ...(patterns.length === 0 ? {} : { models: patterns }),
      ...(rate === '' ? {} : { requestsPerMinute: Number(rate) }),
      ...(days === '' ? {} : { expiresAt: boxNow.peek() + Number(days) * DAY_MS }),
    })
    if (answer._tag !== 'Ok') return setCreated({ _tag: 'Problem', text: problemOf(answer) })
    setCreated({ _tag: 'Key', name: name.trim(), key: answer.value.secret })
    setName('')
    onChanged()
  }
  return (
    <form
      aria-label="New key"
      onSubmit={(event) => {
        event.preventDefault()
        void create()
      }}
    >
      <div class="filters">
        <label>
          Name
          <input required value={name} onInput={({ currentTarget }) => setName(currentTarget.value)} />
        </label>
        <label>
          Models (patterns; empty: all)
          <input value={models} onInput={({ currentTarget }) => setModels(currentTarget.value)} />
        </label>
        <label>
          Requests a minute
          <input type="number" min={1} value={rate} onInput={({ currentTarget }) => setRate(currentTarget.value)} />
        </label>
        <label>
          Expires after days
          <input type="number" min={1} value={days} onInput={({ currentTarget }) => setDays(currentTarget.value)} />
        </label>
        <button type="submit" class="primary">
          Create key
        </button>
      </div>
      <div aria-live="polite">
        {created._tag === 'Problem' ? <p class="notice bad">{created.text}</p> : null}
        {created._tag === 'Key' ? (
          <p class="notice">
            The key of {created.name}, which is shown only now: <code>{created.key}</code>
          </p>
        ) : null}
      </div>
    </form>
  )
}
