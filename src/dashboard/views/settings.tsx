/**
 * What the box runs with.
 */
import { fetchConfig } from '../api/config.ts'
import { Answered } from '../components/answered.tsx'
import { Json } from '../components/json.tsx'
import { useAnswer } from '../use-answer.ts'
import { AlertSettings } from './alert-settings.tsx'
import { ClientKeys } from './client-keys.tsx'
import { Overrides } from './overrides.tsx'
import { Prices } from './prices.tsx'

export const Settings = () => {
  const asked = useAnswer('config', fetchConfig, 'slow')
  return (
    <>
      <h1>Settings</h1>
      <section class="panel" aria-label="Configuration">
        <h2>Configuration as running</h2>
        <Answered asked={asked} what="configuration">
          {({ version, config }) => (
            <>
              <p>
                Signalbox <span data-figure="version">{version}</span>. Credentials are shown as where they come from,
                never as what they are.
              </p>
              <ul class="plain">
                {Object.entries(typeof config === 'object' && config !== null ? config : {}).map(([name, value]) => (
                  <li key={name}>
                    {isPlain(value) ? <Plain name={name} value={value} /> : <Json name={name} value={value} />}
                  </li>
                ))}
              </ul>
            </>
          )}
        </Answered>
      </section>
      <Overrides />
      <Prices />
      <ClientKeys />
      <AlertSettings />
    </>
  )
}

const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null

const Plain = ({ name, value }: { readonly name: string; readonly value: unknown }) => (
  <p class="setting">
    {name}: <code>{String(value)}</code>
  </p>
)
