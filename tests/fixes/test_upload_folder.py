from tests.processes import Server


def test_nothing_is_written_beside_the_code(server: Server) -> None:
    assert not (server.log.parent / ".files").exists()
