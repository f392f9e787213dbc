/**
 * The frame around the views: who may look, where one is, and whether what is shown is live.
 */
import type { FunctionComponent } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Announcer } from './components/announcer.tsx'
import { LiveMark } from './components/live-mark.tsx'
import { ThemeSwitch } from './components/theme-switch.tsx'
import { TokenForm } from './components/token-form.tsx'
import { connect } from './live.ts'
import { hrefOf, moment, place, VIEWS, type View } from './router.ts'
import { dropToken, token } from './token.ts'
import { Costs } from './views/costs.tsx'
import { Events } from './views/events.tsx'
import { Overview } from './views/overview.tsx'
import { Providers } from './views/providers.tsx'
import { OneRequest } from './views/request.tsx'
import { Requests } from './views/requests.tsx'
import { Routing } from './views/routing.tsx'
import { Session } from './views/session.tsx'
import { Settings } from './views/settings.tsx'

const NAMES: { readonly [K in View]: string } = {
  overview: 'Overview',
  providers: 'Providers',
  requests: 'Requests',
  sessions: 'Session',
  costs: 'Costs',
  events: 'Events',
  routing: 'Routing',
  settings: 'Settings',
}

const COMPONENTS: { readonly [K in View]: FunctionComponent } = {
  overview: Overview,
  providers: Providers,
  requests: Requests,
  sessions: Session,
  costs: Costs,
  events: Events,
  routing: Routing,
  settings: Settings,
}

/** Views that can be seen as of a past moment; a link from one to another keeps it. */
const TIMED: ReadonlySet<View> = new Set<View>(['overview', 'providers', 'routing'])

export const App = () => (token.value === null ? <TokenForm /> : <Frame key={token.value} />)

const Frame = () => {
  const { view, id } = place.value
  const main = useRef<HTMLElement>(null)
  const shown = useRef(`${view}/${id}`)
  useEffect(connect, [])
  useEffect(() => {
    document.title = `${NAMES[view]} – Signalbox`
    // Who goes on by keyboard or listens goes on in the new view, not in the navigation.
    if (shown.current !== `${view}/${id}`) main.current?.focus()
    shown.current = `${view}/${id}`
  }, [view, id])
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: a link for skipping is a link; the fragment belongs to the router. */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={hrefOf('overview')}>
          Signalbox
        </a>
        <nav aria-label="Views">
          <ul>
            {VIEWS.map((name) => (
              <li key={name}>
                <a href={linkTo(name)} aria-current={isCurrent(name, view) ? 'page' : undefined}>
                  {NAMES[name]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="top-end">
          <LiveMark />
          <ThemeSwitch />
          <button type="button" onClick={() => dropToken(null)}>
            Sign out
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Shown view={view} id={id} />
      </main>
      <Announcer />
    </>
  )
}

const Shown = ({ view, id }: { readonly view: View; readonly id: string | null }) => {
  const Component = view === 'requests' && id !== null ? OneRequest : COMPONENTS[view]
  return <Component key={`${view}/${id}`} />
}

const isCurrent = (name: View, view: View): boolean => name === view || (name === 'requests' && view === 'sessions')

const linkTo = (name: View): string => {
  const { query } = place.value
  const kept = new URLSearchParams()
  const at = query.get('at')
  if (TIMED.has(name) && moment.value !== null && at !== null) kept.set('at', at)
  return hrefOf(name, null, kept)
}
