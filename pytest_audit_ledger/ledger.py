"""The Python API: a ledger to verify, investigate, report on, export and back up.

    from pytest_audit_ledger import Ledger

    with Ledger("postgresql://auditor@localhost/ledger") as ledger:
        result = ledger.verify_integrity()
        if not result.is_valid:
            print(result.assurance.value, result.recommendation)

Everything raised is in `errors.py`. What goes wrong while verifying is not an exception but an outcome: a check that
could not be evaluated. A method imports what it needs when it is called, so that a backup does not wait for the imports
of a verification. The types of parameters and results are light, and imported here for `typing.get_type_hints`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

if sys.version_info >= (3, 11):
    from typing import Self, Unpack
else:
    from typing_extensions import Self, Unpack

from pytest_audit_ledger.anchor.results import CheckpointResult, EntryProof
from pytest_audit_ledger.backup.creation import BackupResult
from pytest_audit_ledger.backup.encryption import Key, read_key
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.export.export import ExportResult
from pytest_audit_ledger.files.stores import path_of
from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.model.defaults import STANDBY_TOLERANCE
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.output.artifact import ArtifactContext
from pytest_audit_ledger.report import Report
from pytest_audit_ledger.scratch.demo import started
from pytest_audit_ledger.sources.dsn import Dsn, optional_dsn
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.named import named_source
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S
from pytest_audit_ledger.sources.selection import fields as parse_fields
from pytest_audit_ledger.sources.selection import selection
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.suite.profile_choice import chosen_profile
from pytest_audit_ledger.verify.parameters import Verifying
from pytest_audit_ledger.verify.verification import Verification

if TYPE_CHECKING:
    from pytest_audit_ledger.suite.check import Suite
    from pytest_audit_ledger.verify.run import VerificationRequest


class Ledger:
    """One ledger: in a database, in an export file, or a demo.

    It is a context manager, and connects only while a method works; `close` stops the server of a demo.
    """

    def __init__(
        self,
        dsn: str | Dsn | Source,
        *,
        table: str | None = None,
        profile: str | Path | Profile = SKI,
        timeout: int = DEFAULT_TIMEOUT_S,
        progress: Progress = no_progress,
    ) -> None:
        """Take a DSN as PostgreSQL's client library reads it, `env:NAME`, the path of an export, or `demo`.

        `profile` says what the ledger looks like: a shipped profile by its name, or a file. `table` is `schema.table`,
        by default that of the profile. `timeout` is the seconds that one statement may take. A `Source` replaces all
        of these. Raises UsageError if the DSN or the table's name cannot be read, or there is no such profile, and
        ProfileError if the profile has mistakes. Connects to nothing.
        """
        known = profile if isinstance(profile, Profile) else chosen_profile(profile)
        if isinstance(dsn, str):
            dsn = Dsn(dsn)
        elif not isinstance(dsn, Dsn):
            known = dsn.profile
        if isinstance(dsn, Dsn):
            named_source(dsn, table, timeout, known)  # reports mistakes now
        self._opening: AbstractContextManager[Source]
        self._opening = started(dsn, table, timeout, known) if isinstance(dsn, Dsn) else nullcontext(dsn)
        self._table, self._profile, self._timeout, self._progress = table, known, timeout, progress
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what was started for this ledger."""
        self._resources.close()

    @cached_property
    def source(self) -> Source:
        """Where the entries come from."""
        return self._resources.enter_context(self._opening)

    def verify_integrity(
        self,
        *,
        suites: Sequence[str | Path] = (),
        check_timestamps: bool = True,
        workers: int | None = 1,
        executor: str = "local",
        samples: int = DEFAULT_SAMPLES,
        allow_empty: bool = False,
        checkpoints: Sequence[str | Path] = (),
        verifier_keys: Sequence[str] = (),
        require_checkpoint: bool = False,
        max_unanchored: str | None = None,
        allow_integrity_waivers: bool = False,
        transcript_keys: Sequence[str | Path] = (),
        since_checkpoint: bool = False,
        recheck: str | None = None,
        standby_tolerance: str = STANDBY_TOLERANCE,
    ) -> Verification:
        """Verify the whole ledger in one snapshot, by the default suite and by `suites` of your own.

        `check_timestamps`: check that timestamps never go back. `workers`: processes that share the scan, None to
        choose (a script then needs `if __name__ == "__main__"`). `executor`: who reads instead of processes of this
        machine, as the option `--executor` names it. `samples`: findings kept for each check; all are
        counted. `allow_empty`: on an empty ledger, skip a check that would fail for lack of entries.
        `allow_integrity_waivers`: let the waivers of a suite excuse findings about integrity, too.

        `checkpoints`: folders of checkpoints to check the ledger against. `verifier_keys`: the keys that must have
        signed them, or files with these. `require_checkpoint`: fail if a folder has none. `max_unanchored`: how many
        entries (`1000`), or for how long one (`24h`), may be in no checkpoint. `transcript_keys`: the Ed25519 public
        keys that may sign transcripts, as PEM files or PEM text; without any, signatures are not verified, which is a
        warning. `since_checkpoint`: read only entries that are newer than the newest checkpoint. `recheck`: then also
        re-read one share of the older entries (`1/30`), another one every day (UTC). `result.reading` says what was
        read. `standby_tolerance`: how far a standby may be behind its primary (`90s`, `5m`, `24h`); one that is
        further behind, or paused, shows an old ledger, and nothing is verified.

        Raises UsageError for a mistake in a suite, in a key or in these parameters. What goes wrong with the ledger or
        the server is in the result.
        """
        from pytest_audit_ledger.verify.run import verify

        request = self._request(
            suites=suites,
            check_timestamps=check_timestamps,
            workers=workers,
            executor=executor,
            samples=samples,
            allow_empty=allow_empty,
            checkpoints=checkpoints,
            verifier_keys=verifier_keys,
            require_checkpoint=require_checkpoint,
            max_unanchored=max_unanchored,
            allow_integrity_waivers=allow_integrity_waivers,
            transcript_keys=transcript_keys,
            since_checkpoint=since_checkpoint,
            recheck=recheck,
            standby_tolerance=standby_tolerance,
        )
        return verify(self.source, request, progress=self._progress)

    def _request(
        self,
        *,
        suites: Sequence[str | Path] = (),
        check_timestamps: bool = True,
        workers: int | None = 1,
        executor: str = "local",
        samples: int = DEFAULT_SAMPLES,
        allow_empty: bool = False,
        allow_integrity_waivers: bool = False,
        since_checkpoint: bool = False,
        recheck: str | None = None,
        standby_tolerance: str = STANDBY_TOLERANCE,
        **trusted: Any,
    ) -> VerificationRequest:
        """Return what `verify_integrity` is to verify, and how. Raises UsageError."""
        from pytest_audit_ledger.kinds.run_parameters import run_parameters
        from pytest_audit_ledger.suite.shipped import checks_of
        from pytest_audit_ledger.verify.pools import parse_executor
        from pytest_audit_ledger.verify.resumption import since_options
        from pytest_audit_ledger.verify.run import VerificationRequest, parse_standby_tolerance

        loaded = self._suites(suites)
        return VerificationRequest(
            checks=checks_of(loaded, times=check_timestamps),
            suites=loaded,
            workers=workers,
            opening=parse_executor(executor),
            samples=samples,
            allow_empty=allow_empty,
            run_parameters=run_parameters(**trusted),
            allow_integrity_waivers=allow_integrity_waivers,
            since=since_options(since_checkpoint=since_checkpoint, recheck=recheck),
            standby_tolerance_s=parse_standby_tolerance(standby_tolerance),
        )

    def investigate(
        self,
        *,
        entry: int | None = None,
        stream: str | None = None,
        against: str | Dsn | None = None,
        identity: str | Path | None = None,
        encryption_key: str | Key | None = None,
        scratch_db: str | Dsn | None = None,
        allow_superuser_scratch: bool = False,
        limit_seconds: float | None = None,
        **verifying: Unpack[Verifying],
    ) -> Investigation:
        """Verify the whole ledger, and find out from the same snapshot what happened to it.

        `entry`: also examine the entry of this sequence number, of this `stream` if several have it. `against`: a
        database, an export or a backup to compare with; `identity`, `encryption_key`, `scratch_db` and
        `allow_superuser_scratch` open a backup, as for `verify_backup`. `limit_seconds`: how long to reconstruct
        entries, by default one minute. `verifying`: the parameters of `verify_integrity`; `samples` is also how many
        entries are examined one by one.

        Raises UsageError, and SourceError if the ledger or the other copy cannot be opened or read.
        """
        against, scratch_db = optional_dsn(against), optional_dsn(scratch_db)
        from pytest_audit_ledger.differences.comparison import other
        from pytest_audit_ledger.investigate.run import verify_and_investigate

        request, copy = self._request(**verifying), None
        if against is not None:
            copy = other(
                against,
                table=self._table,
                profile=self._profile,
                timeout=self._timeout,
                samples=request.samples,
                identity=identity,
                encryption_key=encryption_key,
                scratch_db=scratch_db,
                allow_superuser_scratch=allow_superuser_scratch,
                progress=self._progress,
            )
        with self.source.snapshot() as snapshot:
            found = verify_and_investigate(
                self.source,
                snapshot,
                request,
                always=True,
                entry=entry,
                stream=stream,
                compare=copy.compare if copy else None,
                limit_s=limit_seconds,
                progress=self._progress,
            )
        if found.investigation is None:
            raise found.error or SourceError("Nothing was investigated.")
        return found.investigation

    def create_checkpoint(
        self,
        folder: str | Path,
        signing_key: SigningKey | str | Path,
        *,
        verifier_keys: Sequence[str] = (),
        accept_guards: bool = False,
        since_checkpoint: bool = False,
        recheck: str | None = None,
        standby_tolerance: str = STANDBY_TOLERANCE,
        object_lock: str | None = None,
    ) -> CheckpointResult:
        """Verify the ledger, and write a signed checkpoint of the snapshot that was verified to `folder`.

        The ledger must pass the default suite and match every checkpoint in the folder; this key or one of
        `verifier_keys` must have signed those. Otherwise the result has no path, and its verification says why.
        `accept_guards`: accept the table's protections as they are, also if they differ from those in the newest
        checkpoint. `since_checkpoint`, `recheck`, `standby_tolerance`: see `verify_integrity`; the checkpoints are
        those in the folder. `object_lock`: how the files are locked in a store, such as `compliance:3650d`.

        Raises UsageError for a mistake in a key or in `recheck`, and if the ledger is an export; SourceError if it
        cannot be read, OutputError if the file cannot be written.
        """
        from pytest_audit_ledger.anchor.creation import create
        from pytest_audit_ledger.verify.resumption import since_options
        from pytest_audit_ledger.verify.run import parse_standby_tolerance

        return create(
            self.source,
            self._suites(()),
            path_of(folder, lock=object_lock),
            signing_key,
            verifier_keys,
            self._progress,
            accept_guards=accept_guards,
            since=since_options(since_checkpoint=since_checkpoint, recheck=recheck),
            standby_tolerance_s=parse_standby_tolerance(standby_tolerance),
        )

    def prove_entry(
        self,
        number: int,
        output_file: str | Path,
        *,
        checkpoints: Sequence[str | Path],
        verifier_keys: Sequence[str],
        stream: str | None = None,
    ) -> EntryProof:
        """Write the proof that the newest trusted checkpoint includes the entry of this sequence number.

        `stream`: the stream of the entry, needed if several streams have that number.
        It is a C2SP tlog-proof. `audit-ledger checkpoint check-proof` verifies it with only the entry's line of an
        export. If the ledger is not the one that was signed, no file is written, and the result has none.

        Raises UsageError for a mistake in a key, if no checkpoint includes the entry, and if the ledger is an export;
        SourceError if the ledger cannot be read, OutputError if the file cannot be written.
        """
        from pytest_audit_ledger.anchor.entry_proof import prove
        from pytest_audit_ledger.checkpoints.keys import verifier_keys as parse_verifier_keys

        keys = parse_verifier_keys(verifier_keys)
        return prove(self.source, number, checkpoints, keys, path_of(output_file), self._progress, stream)

    def _suites(self, suites: Sequence[str | Path]) -> list[Suite]:
        from pytest_audit_ledger.kinds.registry import installed_kinds
        from pytest_audit_ledger.suite.shipped import suites_of_run

        is_export = isinstance(self.source, ExportFile)
        return suites_of_run(suites, installed_kinds(), self._profile, of_export=is_export)

    def generate_report(
        self,
        *,
        start_date: str | None = None,
        end_date: str | None = None,
        include_verdicts: bool = False,
        include_violations: bool = False,
        include_timeline: bool = False,
        include_audit_trail: bool = False,
        investigate: bool = False,
        title: str | None = None,
        organization: str | None = None,
        time_zone: str | None = None,
        made_at: datetime | None = None,
        **verifying: Unpack[Verifying],
    ) -> Report:
        """Verify the whole ledger, and report the entries of a period from the same snapshot.

        Dates are days of the time zone, by default UTC, including the end day, or full timestamps. The report has the
        sections that are included, or all if none is. `investigate`: if the ledger does not verify, also report what
        happened. `made_at`: the time of the report, aware, by default now. `verifying`: the parameters of
        `verify_integrity`.

        Raises UsageError, and SourceError if the ledger cannot be opened or read.
        """
        from pytest_audit_ledger.investigate.run import Investigated, verify_and_investigate
        from pytest_audit_ledger.report import SECTIONS, generate, report_request
        from pytest_audit_ledger.verify.run import verify

        wanted = (include_verdicts, include_violations, include_timeline, include_audit_trail)
        request = report_request(
            start_date=start_date,
            end_date=end_date,
            include=tuple(compress(SECTIONS, wanted)),
            title=title,
            organization=organization,
            time_zone=time_zone,
            profile=self._profile,
        )
        to_verify = self._request(**verifying)
        with self.source.snapshot() as snapshot:
            if investigate:
                found = verify_and_investigate(self.source, snapshot, to_verify, progress=self._progress)
            else:
                found = Investigated(verify(self.source, to_verify, progress=self._progress, shared=snapshot.share()))
            if found.error is not None:
                raise found.error
            context = ArtifactContext(found.verification, self.source, snapshot, self._progress)
            return generate(replace(context, investigation=found.investigation), request, made_at=made_at)

    def save_report(self, report: Report, path: str | Path, *, force: bool = False) -> Written:
        """Write a report, completely or not at all; the suffix `.html`, `.json` or `.md` chooses the format.

        Raises UsageError for another suffix or, without `force`, an existing file; OutputError if it cannot be written.
        """
        from pytest_audit_ledger.report import save

        return save(report, path, force=force)

    def save_oscal(
        self,
        verification: Verification,
        path: str | Path,
        *,
        version: str | None = None,
        satisfied: bool = False,
        force: bool = False,
    ) -> Written:
        """Write what `verify_integrity` returned as OSCAL assessment results, completely or not at all.

        `version`: of OSCAL, by default the newest. `satisfied`: call a control satisfied if the ledger was verified and
        all its checks passed. `force`: replace an existing file.

        Raises UsageError for an unknown version or, without `force`, an existing file; OutputError if it cannot be
        written.
        """
        from pytest_audit_ledger.output.oscal import oscal_request, save

        return save(verification, path_of(path), oscal_request(version, satisfied=satisfied), force=force)

    @overload
    def export_entries(
        self,
        *,
        output_file: None = None,
        start_date: str | None = ...,
        end_date: str | None = ...,
        verdict_filter: str | Sequence[str] | None = ...,
        rule_id: str | None = ...,
        fields: str | Sequence[str] | None = ...,
        limit: int | None = ...,
        time_zone: str | None = ...,
    ) -> Iterator[dict[str, Any]]: ...

    @overload
    def export_entries(
        self,
        *,
        output_file: str | Path,
        start_date: str | None = ...,
        end_date: str | None = ...,
        verdict_filter: str | Sequence[str] | None = ...,
        rule_id: str | None = ...,
        fields: str | Sequence[str] | None = ...,
        limit: int | None = ...,
        time_zone: str | None = ...,
        format: str | None = ...,
        excel_safe: bool = ...,
        with_verifier: bool = ...,
        verify: bool = ...,
        force: bool = ...,
        standby_tolerance: str = ...,
        object_lock: str | None = ...,
    ) -> ExportResult: ...

    def export_entries(
        self,
        *,
        output_file: str | Path | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        verdict_filter: str | Sequence[str] | None = None,
        rule_id: str | None = None,
        fields: str | Sequence[str] | None = None,
        limit: int | None = None,
        time_zone: str | None = None,
        format: str | None = None,  # noqa: A002  (the word of the option)
        excel_safe: bool = False,
        with_verifier: bool = False,
        verify: bool = False,
        force: bool = False,
        standby_tolerance: str = STANDBY_TOLERANCE,
        object_lock: str | None = None,
    ) -> Iterator[dict[str, Any]] | ExportResult:
        """Export entries to `output_file` with a manifest; without a file, return an iterator over entries.

        Dates are days of the time zone, by default UTC, including the end day, or full timestamps. `fields`: the
        columns, in this order, by default all. `format`: `json`, `jsonl` or `csv`, by default that of the suffix.
        `excel_safe`: defuse text that a spreadsheet would run as a formula. `with_verifier`: write a verifier that
        needs nothing but Python next to the file, with the profile that it reads. `verify`: verify the ledger in the
        same snapshot (`standby_tolerance` as for `verify_integrity`), and write the result to the manifest. `force`:
        replace an existing file. `object_lock`: see `create_checkpoint`. The iterator yields dicts; their timestamps
        are ISO 8601 text exactly as hashed.

        Raises UsageError, SourceError if the entries cannot be read, OutputError if the file cannot be written.
        """
        from pytest_audit_ledger.export.export import entries, export, export_request
        from pytest_audit_ledger.verify.run import verify as run

        names = parse_fields(fields) if fields is not None else ()
        wanted = selection(
            start_date=start_date,
            end_date=end_date,
            verdict=verdict_filter,
            rule_id=rule_id,
            limit=limit,
            time_zone=time_zone,
            profile=self._profile,
        )
        if output_file is None:
            if format is not None or excel_safe or with_verifier or verify:
                raise UsageError("format, excel_safe, with_verifier and verify need a file.", "Name an output_file.")
            return entries(self.source, export_request("-", fields=names, selection=wanted))
        request = export_request(
            output_file,
            format=format,
            fields=names,
            selection=wanted,
            excel_safe=excel_safe,
            with_verifier=with_verifier,
            force=force,
            object_lock=object_lock,
        )
        with self.source.snapshot() as snapshot:
            verified = None
            if verify:
                to_verify = self._request(standby_tolerance=standby_tolerance)
                verified = run(self.source, to_verify, progress=self._progress, shared=snapshot.share())
            return export(snapshot, request, verification=verified, progress=self._progress)

    def backup_database(
        self,
        output_file: str | Path,
        compress: bool = False,
        verify: bool = False,
        encryption_key: str | Key | None = None,
        *,
        format: str | None = None,  # noqa: A002  (the word of the option)
        scratch_db: str | Dsn | None = None,
        allow_superuser_scratch: bool = False,
        force: bool = False,
        standby_tolerance: str = STANDBY_TOLERANCE,
        object_lock: str | None = None,
    ) -> BackupResult:
        """Back up the ledger's database to `output_file`, and write a manifest next to it.

        `compress`: with gzip, as a name with `.gz` does. `verify`: verify the ledger in the same snapshot, then restore
        the file into a scratch database, verify that and compare the two. `encryption_key`: encrypt with age for
        `age1…` or an SSH public key, or with what `@FILE` or `env:NAME` holds. `format`: `plain` for psql, `custom` for
        pg_restore, by default that of the suffix `.sql` or `.dump`. `scratch_db`: the DSN of a server to restore on,
        instead of an embedded one. `allow_superuser_scratch`: restore as a superuser, if the role is one. `force`:
        replace an existing file. `standby_tolerance`: see `verify_integrity`. `object_lock`: see `create_checkpoint`.

        Raises UsageError, SourceError if the database cannot be dumped, OutputError if the file cannot be written or
        does not hold what the database holds.
        """
        scratch_db = optional_dsn(scratch_db)
        from pytest_audit_ledger.backup.creation import backup, backup_request
        from pytest_audit_ledger.scratch.server import Scratch

        key = read_key(encryption_key) if isinstance(encryption_key, str) else encryption_key
        request = backup_request(
            output_file, format=format, compress=compress, key=key, force=force, object_lock=object_lock
        )
        if verify:
            from pytest_audit_ledger.backup.verification import prover as prover_of
        scratch = Scratch(scratch_db, allow_superuser=allow_superuser_scratch, timeout=self._timeout)
        prover = prover_of(scratch, self._progress, standby_tolerance) if verify else None
        with self.source.snapshot() as snapshot:
            verification = prover.verify(self.source, snapshot) if prover is not None else None
            return backup(snapshot, request, verification=verification, prover=prover, progress=self._progress)
