import type { RouterMiddleware } from '@koa/router'
import type { RouteName } from './routes.ts'
import type { FacadeState } from './state.ts'

/** What answers to the routes of these names. */
export type Handlers<Name extends RouteName = RouteName> = Readonly<Record<Name, RouterMiddleware<FacadeState>>>
