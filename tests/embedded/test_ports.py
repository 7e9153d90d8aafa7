import socket

from shared.embedded.ports import free_port, is_free


def test_free_port_can_be_listened_on_and_is_not_one_that_systems_give_to_outgoing_connections() -> None:
    port = free_port()

    with socket.create_server(("127.0.0.1", port)):
        assert port < 32_768
        assert not is_free(port)
    assert is_free(port)


def test_is_free_says_yes_when_only_a_closed_connection_lingers_on_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first, here the server's port, stays in TIME_WAIT
            assert client.recv(1) == b""

    assert is_free(port)
