/**
 * Tests that need no server to themselves. They run beside each other, which vitest does with the tests of one file only;
 * the longest come first.
 */
import './connectors/sharing.ts'
import './connectors/consumer-group.ts'
import './connectors/mistakes.ts'
import './connectors/lifecycle.ts'
import './connectors/handover.ts'
