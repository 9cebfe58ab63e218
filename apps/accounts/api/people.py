"""/v1/user and /v1/group: customers' people by their own ids, their groups and memberships."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import people
from apps.accounts.api.fields import NaiveStampField, PersonField, UuidField
from apps.accounts.api.interactor import EMPTY_TEXT, NOTHING_TO_SAY, IdSerializer, InteractorViewSet
from apps.accounts.end_users import find_end_user
from apps.accounts.models import EndUser, Group, GroupMembership
from apps.core.actors import Verb
from apps.wire.fields import NameField, ObjectField, Part, TextField, WordField
from apps.wire.paging import list_page
from apps.wire.stamps import naive_stamp

LISTED = frozenset({"id", "name"})


class UserUpdateSerializer(Part):
    email = TextField(allow_null=True, max_length=254)
    name = TextField(allow_null=True, max_length=200)


class UserCreateSerializer(UserUpdateSerializer):
    userId = NameField(max_length=255)


class GroupUpdateSerializer(Part):
    name = NameField(required=False)
    source = WordField(Group.Source.values)
    authorization = ObjectField()


class GroupCreateSerializer(GroupUpdateSerializer):
    name = NameField()
    Authorization = ObjectField()


class MembershipUpdateSerializer(Part):
    role = NameField(required=False, max_length=100)


class MembershipCreateSerializer(Part):
    userId = TextField(required=True)
    role = NameField(max_length=100)


class UserSerializer(Part):
    id = UuidField(required=True)
    name = TextField(required=True, allow_null=True)


class WrittenSerializer(Part):
    updatedBy = PersonField(required=True)
    createdBy = PersonField(required=True)
    insertedAt = NaiveStampField(required=True)
    updatedAt = NaiveStampField(required=True)


class GroupSerializer(WrittenSerializer):
    id = UuidField(required=True)
    name = TextField(required=True)
    source = WordField(Group.Source.values, required=True)
    authorization = ObjectField(required=True)


class MembershipSerializer(WrittenSerializer):
    role = TextField(required=True)
    userId = UuidField(required=True)
    groupId = UuidField(required=True)


class UserViewSet(InteractorViewSet):
    serializer_class = UserUpdateSerializer
    write_serializers = {"create": UserCreateSerializer}
    answer_serializers = {
        "create": IdSerializer,
        "retrieve": UserSerializer,
        "update": EMPTY_TEXT,
        "destroy": EMPTY_TEXT,
    }

    def found(self) -> EndUser:
        return find_end_user(self.kwargs["userId"], organization_id=self.actor.organization_id)

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        body = self.body()
        row = people.create_end_user(actor=self.actor, external_id=body.pop("userId"), **body)
        return Response({"id": str(row.id)})

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        row = self.found()
        return Response({"id": str(row.id), "name": row.name or None})

    def update(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        people.change_end_user(actor=self.actor, end_user=self.found(), **self.body())
        return Response(NOTHING_TO_SAY)

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.DELETE)
        people.delete_end_user(actor=self.actor, end_user=self.found())
        return Response(NOTHING_TO_SAY)


class GroupView(InteractorViewSet):
    def group(self) -> Group:
        return people.find_group(self.kwargs["groupId"], organization_id=self.actor.organization_id)


class GroupViewSet(GroupView):
    serializer_class = GroupUpdateSerializer
    write_serializers = {"create": GroupCreateSerializer}
    answer_serializers = {
        "list": GroupSerializer,
        "create": IdSerializer,
        "retrieve": GroupSerializer,
        "update": EMPTY_TEXT,
        "destroy": EMPTY_TEXT,
    }

    def list(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        return list_page(Group.objects.for_actor(self.actor), request=request, show=show_group, short=LISTED)

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        body = self.body()
        spelled = body.pop("Authorization", None)
        row = people.create_group(actor=self.actor, **{"authorization": spelled, **body})
        return Response({"id": str(row.id)})

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(show_group(self.group()))

    def update(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        people.change_group(actor=self.actor, group=self.group(), **self.body())
        return Response(NOTHING_TO_SAY)

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.DELETE)
        people.delete_group(actor=self.actor, group=self.group())
        return Response(NOTHING_TO_SAY)


class MembershipViewSet(GroupView):
    serializer_class = MembershipUpdateSerializer
    write_serializers = {"create": MembershipCreateSerializer}
    answer_serializers = {
        "list": MembershipSerializer,
        "create": EMPTY_TEXT,
        "retrieve": MembershipSerializer,
        "update": MembershipSerializer,
        "destroy": EMPTY_TEXT,
    }

    def membership(self) -> GroupMembership:
        group = self.group()
        end_user = find_end_user(self.kwargs["userId"], organization_id=group.organization_id)
        return people.find_membership(group, end_user)

    def list(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        rows = GroupMembership.objects.for_actor(self.actor).filter(group=self.group())
        return list_page(rows, request=request, show=show_membership, short=frozenset({"userId", "role"}))

    def create(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        group, body = self.group(), self.body()
        end_user = find_end_user(body["userId"], organization_id=group.organization_id)
        people.add_to_group(actor=self.actor, group=group, end_user=end_user, role=body["role"])
        return Response(NOTHING_TO_SAY)

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(show_membership(self.membership()))

    def update(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        row, body = self.membership(), self.body()
        if "role" in body:
            row = people.change_role(actor=self.actor, membership=row, role=body["role"])
        return Response(show_membership(row))

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        people.remove_from_group(actor=self.actor, membership=self.membership())
        return Response(NOTHING_TO_SAY)


def show_group(row: Group) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "source": row.source,
        "authorization": row.authorization,
        **written(row),
    }


def show_membership(row: GroupMembership) -> dict[str, Any]:
    return {"userId": str(row.end_user_id), "groupId": str(row.group_id), "role": row.role, **written(row)}


def written(row: Group | GroupMembership) -> dict[str, Any]:
    """Who and when: nobody acts for anybody here, so it is the key's own person."""
    return {
        "createdBy": str(row.created_by_id) if row.created_by_id else None,
        "updatedBy": str(row.updated_by_id) if row.updated_by_id else None,
        "insertedAt": naive_stamp(row.created_at),
        "updatedAt": naive_stamp(row.updated_at),
    }
