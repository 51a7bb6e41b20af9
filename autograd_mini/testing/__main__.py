"""``python -m autograd_mini.testing ENGINE`` runs the conformance properties against an engine."""

from .conformance import main

raise SystemExit(main())
